package suite

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/wright-build/wright/plugins/database"
)

// databaseGiven gives passwords, and looks for them where they belong and where not.
func databaseGiven(b *databaseBench) {
	var given []string
	fresh := func(word string) string {
		given = append(given, word+"-"+newID()+"/@:?#%20+ é")
		return given[len(given)-1]
	}
	for _, persistent := range []bool{false, true} {
		s := b.databaseSpec(b.token(fmt.Sprintf("given-%t", persistent)), "given", b.ownTags())
		s.Persistent, s.Password = persistent, fresh("first")
		made, err := b.p.Create(b.call(), s)
		if err != nil {
			b.refusal("Create "+told(s)+" with a password", err)
			continue
		}
		if !b.passwordIs("Create "+told(s)+" with a password", *made, s.Password, false) {
			b.Logf("%s shows no password: the provider may have no users", told(s))
			continue
		}
		first := s.Password
		s.Password = ""
		b.passwordIs("Create "+told(s)+" with a password, then once more without", b.make(s), first, true)
		s.Password = fresh("second")
		b.passwordIs("Create "+told(s)+" with a password, then once more with another", b.make(s), s.Password, true)
		s.Password = fresh("long") + strings.Repeat("0123456789", 10) + "end"
		given = append(given, s.Password)
		if made, err := b.p.Create(b.call(), s); err != nil {
			b.refusal(fmt.Sprintf("Create %s with a password of %d bytes", told(s), len(s.Password)), err)
			s.Password = given[len(given)-3] // the second
		} else {
			b.passwordIs(fmt.Sprintf("Create %s with a password of %d bytes", told(s), len(s.Password)), *made, s.Password, true)
		}
		b.kill(b.host)
		b.close(b.host)
		b.again()
		second := s.Password
		s.Password = ""
		b.passwordIs("Create "+told(s)+" with a password, kill the provider, once more without", b.make(s), second, true)
		if persistent {
			s.Token, s.Password = b.token("given-other"), fresh("third")
			b.passwordIs("Create "+told(s)+" and another password than that of its first token", b.make(s), s.Password, true)
			b.passwordOfNobody(s)
		}
	}
	secret := fresh("listed")
	b.noArguments(secret, func(i int) {
		s := b.databaseSpec(b.token(fmt.Sprintf("listed-%d", i)), "given", b.ownTags())
		s.Password = secret
		_, _ = b.p.Create(b.call(), s) // one that takes no such password has been looked at
	})
	for _, p := range given {
		for _, form := range forms(p) {
			if strings.Contains(b.said.raw()+b.told.raw(), form) {
				b.Report(Finding{Did: "Create with a password", Got: "the password is in the provider's log, or in what it tells as progress", Want: "no password is in a log.", Mend: "log no requests and no URLs as they are"})
			}
		}
	}
	b.readable("Create with a password", given)
}

// passwordOfNobody lets both tokens of a persistent database go, and comes back with a
// third, without a password.
func (b *databaseBench) passwordOfNobody(s database.Spec) {
	for _, word := range []string{"given-true", "given-other"} {
		b.drop(b.m, b.token(word), nil)
	}
	last := s.Password
	s.Token, s.Password = b.token("given-again"), ""
	b.passwordIs("Create "+told(s)+" with a password, Delete its tokens, then Create it with another and no password", b.make(s), last, true)
}

// passwordIs looks at the password of the answer; it is false where none is shown,
// which is wrong where one was before.
func (b *databaseBench) passwordIs(did string, d database.Database, want string, before bool) bool {
	u, err := url.Parse(d.URL)
	if err != nil {
		b.Report(Finding{Did: did, Got: "a URL that cannot be parsed", Mend: "escape user and password: url.UserPassword does"})
		return true
	}
	got, shown := u.User.Password()
	if v, ok := d.Variables["PASSWORD"]; ok && shown && v != got {
		b.Report(Finding{Did: did, Got: "the variable PASSWORD is another than the password of the URL"})
	} else if ok {
		got, shown = v, true
	}
	if !shown && before {
		b.Report(Finding{Did: did, Got: "no password in URL and variables, and before there was one"})
	}
	if !shown {
		return false
	}
	if got != want {
		b.Report(Finding{Did: did, Got: fmt.Sprintf("another password than the one that was given last (%d bytes, wanted are %d)", len(got), len(want))})
	} else if there, known := b.look(d.URL); known && !there {
		b.Report(Finding{Did: did + ", then connect to its URL", Got: "there is no database at " + shownURL(d.URL)})
	}
	return true
}

func databasePassword(b *databaseBench) {
	for _, s := range []database.Spec{b.databaseSpec(b.token("password"), "shop", b.ownTags()), b.kept("kept", "conformance", "password")} {
		first := b.make(s)
		for i := range 3 {
			if again := b.make(s); again.URL != first.URL {
				b.Report(Finding{Did: fmt.Sprintf("Create %s, for time %d", told(s), i+2), Got: fmt.Sprintf("the URL is now %s, it was %s", shownURL(again.URL), shownURL(first.URL))})
				return
			}
			b.close(b.host)
			b.again()
		}
		if u, err := url.Parse(first.URL); err == nil {
			if password, ok := u.User.Password(); ok && len(password) >= 6 && strings.Contains(b.said.raw()+b.told.raw(), password) {
				b.Report(Finding{Did: "Create " + told(s), Got: "the password of its URL is in the provider's log", Want: "Database.URL may hold a password.", Mend: "log no URLs"})
			}
		}
	}
}
