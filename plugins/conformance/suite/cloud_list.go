package suite

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func cloudListChecks(check cloudCheck) []Check {
	return []Check{
		check("list selects by every tag", cloudList, "compare each tag of the call, name and value, exactly; all must match, not any", cloudTags),
		check("get of the missing is not-found", cloudGet, "answer with plugins.NotFound, no empty server and no other code", cloudGetMissing),
		check("list of nothing is empty", cloudList, "a selection without servers is an empty list and no error", cloudEmpty),
		check("list gives all of many", cloudList, "ask the backend for every page, and begin each where the last one ended", cloudMany),
		check("list while others come and go", cloudList, "a server that vanishes while the list is made is left out; one that stays is given once", cloudMoving),
	}
}

func cloudTags(b *cloudBench) {
	_, p := b.start()
	for _, s := range []struct{ word, color, size string }{{"red", "red", "big"}, {"blue", "blue", "big"}, {"upper", "RED", "small"}} {
		spec := b.spec(s.word)
		spec.Tags = b.withTag("color", s.color, "size", s.size, "prefix-"+s.color, "x")
		b.create(p, spec)
	}
	tests := []struct {
		tags map[string]string
		want []string
	}{
		{b.ownTags(), []string{"red", "blue", "upper"}},
		{b.withTag("color", "red"), []string{"red"}},
		{b.withTag("size", "big"), []string{"red", "blue"}},
		{b.withTag("size", "big", "color", "blue"), []string{"blue"}},
		{b.withTag("size", "small", "color", "blue"), nil},
		{b.withTag("color", "re"), nil},
		{b.withTag("color", ""), nil},
		{b.withTag("nothing", "here"), nil},
		{map[string]string{plugins.InstallationTag: b.installation() + "-another"}, nil},
		{map[string]string{plugins.InstallationTag: b.installation() + "-another", "color": "red"}, nil},
		{map[string]string{plugins.InstallationTag: b.installation()[:len(b.installation())-1]}, nil},
		{map[string]string{plugins.InstallationTag: strings.ToUpper(b.installation())}, nil},
	}
	for _, tt := range tests {
		got := b.list(p, tt.tags)
		ok := len(got) == len(tt.want)
		for _, w := range tt.want {
			_, found := got[b.token(w)]
			ok = ok && found
		}
		if !ok {
			b.Report(Finding{
				Did: "make servers with the tags color=red size=big, color=blue size=big, color=RED size=small; " + fmt.Sprintf("List with %v", tt.tags),
				Got: fmt.Sprintf("%s, expected were %d: %v", namesOf(got), len(tt.want), tt.want),
			})
		}
	}
	spec := b.spec("flat")
	spec.Tags = b.withTag("a=b", "c", "color", "none", "size", "none")
	if _, err := p.Create(b.call(), spec); err == nil {
		if got := b.list(p, b.withTag("a", "b=c")); len(got) > 0 {
			b.Report(Finding{Did: "make a server with the tag a=b with the value c, then List with the tag a with the value b=c", Got: namesOf(got), Mend: "keep names and values of tags apart; where the backend has one text for both, escape what stands between them"})
		}
	}
	for token, s := range b.own(p) {
		if !plugins.HasTags(s.Tags, b.ownTags()) || s.Tags["color"] == "" || s.Tags["size"] == "" {
			b.Report(Finding{Did: "List", Got: fmt.Sprintf("the server of token %q comes with the tags %v only", token, s.Tags), Want: "Server.Tags are all the tags that it was made with.", Mend: "give the tags in lists, too"})
		}
	}
}

func cloudGetMissing(b *cloudBench) {
	_, p := b.start()
	b.create(p, b.spec("there"))
	for _, token := range []string{b.token("never-made"), b.token("there") + "x", b.token("the"), "conformance " + b.token("there")} {
		if s, err := p.Get(b.call(), token); b.seen(err) == nil || plugins.CodeOf(err) != plugins.NotFound {
			b.Report(Finding{Did: fmt.Sprintf("make a server with token %q, then Get token %q", b.token("there"), token), Got: answer(s, err)})
		}
	}
}

func cloudEmpty(b *cloudBench) {
	_, p := b.start()
	b.expect(p, Finding{Did: "List with the tag of an installation that has made nothing"})
}

// cloudMany makes as many servers as fit into some seconds.
func cloudMany(b *cloudBench) {
	_, p := b.start()
	tokens := b.makeMany(p)
	did := fmt.Sprintf("make %d servers, then List", len(tokens))
	if !b.expect(p, Finding{Did: did}, tokens...) {
		return
	}
	// Without the installation, so that a backend that selects by one tag has pages with gaps.
	for _, one := range []string{tokens[0], tokens[len(tokens)/2], tokens[len(tokens)-1]} {
		for _, tags := range []map[string]string{b.withTag("one", one), {"one": one}} {
			if got := b.list(p, tags); len(got) != 1 {
				b.Report(Finding{Did: fmt.Sprintf("make %d servers, then List with %v, a tag that one of them has", len(tokens), tags), Got: namesOf(got),
					Mend: "ask for page after page until the backend says that there is no more: a page may be short, or empty, before the last"})
			}
		}
	}
	if all, err := p.List(b.call(), nil); err == nil {
		n := 0
		for _, s := range all {
			if plugins.HasTags(s.Tags, b.ownTags()) {
				n++
			}
		}
		if n < len(tokens) {
			b.Report(Finding{Did: fmt.Sprintf("make %d servers, then List without tags", len(tokens)), Got: fmt.Sprintf("%d of them", n), Want: "No tags at all means everything.", Mend: "select nothing where nothing is asked for"})
		}
	}
	b.wholeList(len(tokens), func() (int, error) {
		all, err := p.List(b.within(time.Second), b.ownTags())
		return len(all), err
	})
	b.shrinking(p, tokens)
}

func (b *cloudBench) makeMany(p cloud.Provider) []string {
	least, most := 25, 1100
	if b.subject.Many > 0 {
		least, most = b.subject.Many, b.subject.Many
	}
	var mu sync.Mutex // guards tokens
	var tokens []string
	for end := time.Now().Add(4 * time.Second); len(tokens) < least || len(tokens) < most && time.Now().Before(end); {
		from := len(tokens)
		atOnce(min(8, most-from), func(i int) {
			s := b.spec(fmt.Sprintf("many-%d", from+i))
			s.Tags["one"] = s.Token
			if _, err := p.Create(b.call(), s); err != nil {
				b.Report(Finding{Did: fmt.Sprintf("Create server %d of many", from+i+1), Got: answer(nil, err), Want: cloudCreate, Mend: "if the subject has no room for so many, set many in verify.toml (Subject.Many)"})
				return
			}
			mu.Lock()
			tokens = append(tokens, s.Token)
			mu.Unlock()
		})
		if b.Failed() {
			b.stopNow()
		}
	}
	b.looked = fmt.Sprintf("of %d servers", len(tokens))
	atOnceMost(8, tokens, func(token string) { // some at a place that no first page has
		if got, err := p.Get(b.call(), token); err != nil || got.Token != token {
			b.Report(Finding{Did: fmt.Sprintf("make %d servers, then Get token %q", len(tokens), token), Got: answer(got, err), Want: cloudGet, Mend: "find a server among all, not on the first page only"})
		}
	})
	return tokens
}

func cloudMoving(b *cloudBench) {
	_, p := b.start()
	var stay []string
	for i := range 12 {
		s := b.spec(fmt.Sprintf("stays-%d", i))
		b.create(p, s)
		stay = append(stay, s.Token)
	}
	var others sync.WaitGroup
	var rounds atomic.Int32
	stop := make(chan struct{})
	defer others.Wait()
	defer close(stop)
	for i := range 2 {
		others.Go(func() { b.comeAndGo(p, fmt.Sprintf("moves-%d", i), &rounds, stop) })
	}
	// A list of a fast provider may end before anything moved at all.
	for lists := 0; lists < 15 || rounds.Load() < 4; lists++ {
		all := b.own(p)
		for _, token := range stay {
			if _, ok := all[token]; !ok {
				b.Report(Finding{Did: "List while other servers are made and deleted", Got: fmt.Sprintf("the server of token %q, which stays, is missing; listed are %s", token, namesOf(all))})
				break
			}
		}
		if b.Failed() {
			break
		}
	}
}

// comeAndGo makes and deletes servers until it is told to stop, and counts how
// many it were. Each is another one: what comes back under its old token looks to
// a list as if it had stayed.
func (b *cloudBench) comeAndGo(p cloud.Provider, word string, rounds *atomic.Int32, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		s := b.spec(fmt.Sprintf("%s-%d", word, rounds.Load()))
		_, err := p.Create(b.call(), s)
		if err == nil {
			err = p.Delete(b.call(), s.Token)
		}
		if err != nil {
			b.Report(Finding{Did: "Create and Delete while others list", Got: answer(nil, err), Want: "A provider is called concurrently.", Mend: "guard what calls share; let no call wait for a list"})
			return
		}
		rounds.Add(1)
	}
}
