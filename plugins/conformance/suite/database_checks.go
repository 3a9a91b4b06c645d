package suite

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database"
)

func databaseLife(b *databaseBench) {
	for _, persistent := range []bool{false, true} {
		s := b.databaseSpec(b.token(fmt.Sprintf("life-%t", persistent)), "shop", b.withTag("color", "red"))
		s.Persistent = persistent
		made := b.make(s)
		b.isWhatWasAsked("Create", s, made)
		list, err := b.p.List(b.call(), s.Tags)
		if err != nil {
			b.Report(Finding{Did: "List", Got: answer(nil, err)})
		}
		for _, d := range list {
			if d.Token == s.Token {
				b.isWhatWasAsked("List after Create of", s, d)
				if d.URL != made.URL {
					b.Report(Finding{Did: "Create " + told(s) + ", then List", Got: fmt.Sprintf("the URL %s, Create gave %s", shownURL(d.URL), shownURL(made.URL))})
				}
			}
		}
		b.drop(b.m, s.Token, nil)
	}
}

func (b *databaseBench) isWhatWasAsked(did string, s database.Spec, d database.Database) {
	for _, f := range []struct {
		field     string
		got, want any
	}{
		{"Token", d.Token, s.Token}, {"Name", d.Name, s.Name}, {"Persistent", d.Persistent, s.Persistent},
		{"Tags", fmt.Sprint(d.Tags), fmt.Sprint(s.Tags)},
	} {
		if f.got != f.want {
			b.Report(Finding{Did: did + " " + told(s), Got: fmt.Sprintf("%s is %#v, it must be %#v", f.field, f.got, f.want)})
		}
	}
}

func databaseURL(b *databaseBench) {
	s := b.databaseSpec(b.token("url"), "shop", b.ownTags())
	made := b.make(s)
	u, err := url.Parse(made.URL)
	switch {
	case made.URL == "":
		b.Report(Finding{Did: "Create " + told(s), Got: "no URL"})
	case err != nil:
		b.Report(Finding{Did: "Create " + told(s), Got: "a URL that cannot be parsed: " + shownURL(made.URL), Mend: "escape user and password: url.UserPassword does"})
	case u.Scheme == "" || u.Host == "" && u.Path == "" && u.Opaque == "":
		b.Report(Finding{Did: "Create " + told(s), Got: fmt.Sprintf("the URL %s: it has no scheme or no address", shownURL(made.URL))})
	}
	if v, ok := made.Variables["URL"]; ok && v != made.URL {
		b.Report(Finding{Did: "Create " + told(s), Got: fmt.Sprintf("Variables has another URL (%s) than Database.URL (%s)", shownURL(v), shownURL(made.URL)), Mend: "give programs one and the same"})
	}
	for k := range made.Variables {
		if k != strings.ToUpper(k) {
			b.Report(Finding{Did: "Create " + told(s), Got: fmt.Sprintf("the variable %q is not in capitals: it becomes WRIGHT_DATABASE_SHOP_%[1]s", k)})
		}
	}
	if there, known := b.look(made.URL); known && !there {
		b.Report(Finding{Did: "Create " + told(s) + ", then connect to its URL", Got: "there is no database at " + shownURL(made.URL), Mend: "return when the database takes connections"})
	}
}

func databaseEphemeral(b *databaseBench) {
	seen := map[string]string{}
	for _, s := range []database.Spec{
		b.databaseSpec(b.token("one"), "shop", b.ownTags()), b.databaseSpec(b.token("two"), "shop", b.ownTags()),
		b.databaseSpec(b.token("ONE"), "shop", b.ownTags()), b.kept("three", "conformance", "shop"),
	} {
		made := b.make(s)
		if other, ok := seen[made.URL]; ok {
			b.Report(Finding{Did: fmt.Sprintf("Create %s and %s", other, told(s)), Got: "both are at " + shownURL(made.URL)})
		}
		seen[made.URL] = told(s)
	}
}

func databaseGone(b *databaseBench) {
	s := b.databaseSpec(b.token("gone"), "shop", b.ownTags())
	made := b.make(s)
	there, known := b.look(made.URL)
	if known && !there {
		b.Report(Finding{Did: "Create " + told(s) + ", then look at its URL", Got: "there is no database at " + shownURL(made.URL)})
	}
	b.fill(made.URL, "of the first")
	b.drop(b.m, s.Token, nil)
	if there, known = b.look(made.URL); known && there {
		b.Report(Finding{Did: "Create " + told(s) + ", then Delete it", Got: "the database is still at " + shownURL(made.URL)})
	}
	again := b.make(s)
	if text, ok := b.content(again.URL); ok && text != "" {
		b.Report(Finding{Did: "Create " + told(s) + ", fill it, Delete it, Create it again", Got: "what was in the deleted one is in the new one"})
	}
}

// fill writes into a database as a program would, if that is a file or the probe
// can: a probe that takes no notice of $ACTION shows another text afterwards.
func (b *databaseBench) fill(u, text string) {
	path, isFile := filePath(u)
	if !isFile && b.subject.Probe != "" {
		_, err := b.probe(u, "write", text)
		got, readErr := b.probe(u, "read", "")
		b.reads = err == nil && readErr == nil && got == text
		if !b.reads {
			b.Logf("the probe does not keep a text: whether data stay cannot be seen")
		}
	}
	if isFile {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			b.Report(Finding{Did: "write to the database " + shownURL(u), Got: err.Error(), Mend: "make a file that its user can write"})
		}
	}
}

func (b *databaseBench) content(u string) (string, bool) {
	path, ok := filePath(u)
	if !ok && b.reads {
		text, _ := b.probe(u, "read", "") // where there is nothing to read the text is gone
		return text, true
	}
	if !ok {
		return "", false
	}
	text, err := os.ReadFile(path)
	return string(text), err == nil
}

func databaseKept(b *databaseBench) {
	first := b.make(b.kept("first", "conformance", "kept"))
	b.fill(first.URL, "precious")
	b.drop(b.m, b.token("first"), nil)
	b.unused(first)
	b.drop(b.m, b.token("first"), nil)
	b.kill(b.host)
	b.close(b.host)
	b.again()
	b.unused(first)
	s := b.kept("second", "conformance", "kept")
	second := b.make(s)
	if second.URL != first.URL || !second.Persistent || second.Token != s.Token {
		b.Report(Finding{
			Did: fmt.Sprintf("Create %s, Delete its token, start the provider again, Create it with the token %q", told(b.kept("first", "conformance", "kept")), s.Token),
			Got: fmt.Sprintf("it was %s and is %s, persistent: %t, of the token %q", shownURL(first.URL), shownURL(second.URL), second.Persistent, second.Token),
		})
	}
	b.precious("Delete the token of a persistent database, then Create it with another", second.URL)
}

// unused looks at a persistent database without a user.
func (b *databaseBench) unused(d database.Database) {
	list, err := b.p.List(b.call(), b.ownTags())
	if err != nil {
		b.Report(Finding{Did: "List", Got: answer(nil, err), Want: databaseListDoc})
		b.stopNow()
	}
	n := 0
	for _, l := range list {
		if l.URL != d.URL {
			continue
		}
		if n++; l.Token != "" {
			b.Report(Finding{Did: fmt.Sprintf("Create a persistent database with the token %q, Delete the token, List", d.Token), Got: fmt.Sprintf("it still has the token %q", l.Token), Want: databaseDeleteDoc})
		}
	}
	if n != 1 {
		b.Report(Finding{
			Did:  "Create a persistent database, Delete its token, List with its tags",
			Got:  fmt.Sprintf("it is listed %d times, it must be once, without a token", n),
			Want: databaseListDoc,
			Mend: "list persistent databases that nobody uses too, with an empty Token: nobody finds what no list has",
		})
	}
}

// precious fails the check unless the database still holds what fill wrote.
func (b *databaseBench) precious(did, u string) {
	if text, ok := b.content(u); ok && text != "precious" {
		b.Report(Finding{Did: did, Got: fmt.Sprintf("what was in it is gone: %.40q", text), Want: databaseCreateDoc, Mend: "never touch the data of a persistent database"})
	}
	if there, known := b.look(u); known && !there {
		b.Report(Finding{Did: did, Got: "there is no database at " + shownURL(u), Want: databaseCreateDoc, Mend: "never delete a persistent database"})
	}
}

func databaseShared(b *databaseBench) {
	old, fresh := b.kept("old", "conformance", "shared"), b.kept("new", "conformance", "shared")
	first := b.make(old)
	b.fill(first.URL, "precious")
	second := b.make(fresh)
	did := fmt.Sprintf("Create %s and with the token %q too", told(old), fresh.Token)
	if first.URL != second.URL {
		b.Report(Finding{Did: did, Got: fmt.Sprintf("%s and %s", shownURL(first.URL), shownURL(second.URL)), Want: databaseCreateDoc})
		return
	}
	b.want(b.m, b.ownTags(), did, "list it once for each token", old.Token, fresh.Token)
	if list, err := b.p.List(b.call(), b.ownTags()); err == nil {
		for _, d := range list {
			if d.URL == first.URL && d.Token == "" {
				b.Report(Finding{Did: did + ", then List", Got: "beside its two tokens it is listed without one too, as if nobody used it", Want: databaseListDoc, Mend: "list it without a token only when no token uses it: what has none may be cleaned away by a person"})
			}
		}
	}
	b.drop(b.m, old.Token, nil)
	did += ", then Delete the first token"
	b.want(b.m, b.ownTags(), did, "", fresh.Token)
	b.precious(did, second.URL)
	if again := b.make(fresh); again.URL != first.URL {
		b.Report(Finding{Did: did + ", then Create it with the second once more", Got: fmt.Sprintf("it was %s and is %s", shownURL(first.URL), shownURL(again.URL))})
	}
	b.precious(did, second.URL)
}

func databaseNames(b *databaseBench) {
	long := strings.Repeat("long-name-", 6)
	seen := map[string]string{}
	for i, id := range [][2]string{
		{"conformance", "shop"}, {"conformance2", "shop"}, {"conformance", "shop2"}, {"conformance", "Shop"}, {"Conformance", "shop"},
		{"conformancea", "b"}, {"conformance", "ab"}, {"conformance.a", "b"}, {"conformance", "a.b"},
		{"conformance-a", "b"}, {"conformance", "a-b"}, {"conformance_a", "b"}, {"conformance", "a_b"},
		{"conformance", long + "1"}, {"conformance", long + "2"}, {long + "1", "shop"}, {long + "2", "shop"},
		{"conformance", long + long[:20] + "1"}, {"conformance", long + long[:20] + "2"},
	} {
		s := b.kept(fmt.Sprintf("of%d", i), id[0], id[1])
		made, err := b.p.Create(b.call(), s)
		if err != nil {
			b.refusal("Create "+told(s), err)
			continue
		}
		if other, ok := seen[made.URL]; ok {
			b.Report(Finding{Did: fmt.Sprintf("Create %s and %s", other, told(s)), Got: "both are at " + shownURL(made.URL)})
		}
		seen[made.URL] = told(s)
	}
	if len(seen) == 0 {
		b.Report(Finding{Did: "Create persistent databases of many names", Got: "every one is refused"})
	}
}

func databaseTokenDecides(b *databaseBench) {
	s := b.databaseSpec(b.token("decides"), "shop", b.ownTags())
	first := b.make(s)
	other := s
	other.Name, other.Instance, other.Persistent, other.Tags = "another", "another", true, b.withTag("another", "tag")
	did := "Create " + told(s) + ", then " + told(other)
	again, err := b.p.Create(b.call(), other)
	if err != nil {
		b.refusal(did, err) // whoever says that this cannot be is right, too
		return
	}
	if again.URL != first.URL || again.Name != first.Name || again.Persistent != first.Persistent || fmt.Sprint(again.Tags) != fmt.Sprint(first.Tags) {
		b.Report(Finding{Did: did, Got: fmt.Sprintf("first %q at %s, tags %v, then %q at %s, tags %v", first.Name, shownURL(first.URL), first.Tags, again.Name, shownURL(again.URL), again.Tags)})
	}
	list, err := b.p.List(b.call(), b.ownTags())
	n := 0
	for _, d := range list {
		if d.Token == s.Token {
			n++
		}
	}
	if err != nil || n != 1 {
		b.Report(Finding{Did: did + ", then List", Got: fmt.Sprintf("the token is listed %d times (%v)", n, err), Want: databaseListDoc})
	}
}

// databaseLeft kills the provider in Create, and has nothing repeat the call: what
// is there then must be in the list.
func databaseLeft(b *databaseBench) {
	s := b.databaseSpec(b.token("left"), "shop", b.ownTags())
	start := time.Now()
	made := b.make(s)
	took := max(time.Since(start), time.Millisecond)
	b.drop(b.m, s.Token, nil)
	if there, known := b.look(made.URL); !known || there {
		b.Skipf("whether there is a database at %s cannot be seen from outside: set probe (Subject.Probe) to a shell command that fails unless $URL takes connections", shownURL(made.URL))
	}
	for _, after := range points(moments, took) {
		call := b.killed(b.host, b.m, s.Token, 1, after)
		b.close(b.host)
		b.again()
		there, _ := b.look(made.URL)
		if _, listed := b.mine(b.m)[s.Token]; there && !listed {
			b.Report(Finding{Did: call.did("Create", "killed") + ", then List", Got: "there is a database at " + shownURL(made.URL) + " and the list does not have it: a leak"})
			return
		}
		b.drop(b.m, s.Token, nil)
		if there, _ := b.look(made.URL); there {
			b.Report(Finding{Did: call.did("Create", "killed") + ", then Delete", Got: "there is still a database at " + shownURL(made.URL) + ": a leak", Want: databaseDeleteDoc})
			return
		}
	}
}

func databaseHostile(b *databaseBench) {
	good := b.make(b.kept("good", "conformance", "good"))
	b.fill(good.URL, "precious")
	for i, text := range hostile() {
		byName := b.databaseSpec(b.token(fmt.Sprintf("name%d", i)), text, b.ownTags())
		byInstance := b.kept(fmt.Sprintf("instance%d", i), text, "shop")
		for _, s := range []database.Spec{byName, byInstance} {
			made, err := b.p.Create(b.call(), s)
			if err != nil {
				b.refusal("Create "+told(s), err)
				continue
			}
			if made.Token != s.Token || made.Name != s.Name || made.URL == good.URL {
				b.Report(Finding{Did: "Create " + told(s) + ", accepted", Got: fmt.Sprintf("the database %.80q of the token %.80q at %s", made.Name, made.Token, shownURL(made.URL))})
			}
			if path, ok := filePath(made.URL); ok && !strings.HasPrefix(filepath.Clean(path), b.state()+"/") {
				b.Report(Finding{
					Did: "Create " + told(s) + ", accepted", Got: "it is outside of the provider's directory: " + path,
					Mend: "never make a path of a name or a token as it stands: use a hash of it as the file name",
				})
			}
			b.drop(b.m, s.Token, nil)
		}
	}
	b.precious("use many hostile names with other databases", good.URL)
	if big := b.tooBig(); plugins.CodeOf(big) != plugins.Invalid {
		b.Report(Finding{Did: fmt.Sprintf("Create with a configuration of more than %d bytes", plugins.MaxConfig), Got: answer("no error", big)})
	}
	b.onlyState()
}

func (b *databaseBench) tooBig() error {
	s := b.databaseSpec(b.token("big"), "shop", b.ownTags())
	s.Config = map[string]any{"big": strings.Repeat("x", plugins.MaxConfig)}
	_, err := b.p.Create(b.call(), s)
	return err
}
