package suite

import (
	"fmt"
	"strings"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func cloudHostileChecks(check cloudCheck) []Check {
	const doc = "Names, tokens and tags are anybody's text: a provider keeps them exactly or refuses them as invalid."
	const mend = "never build a path, a command line or a URL of them as they stand: hash them for file names, quote them, escape them in URLs (url.PathEscape, url.Values); refuse as plugins.Invalid what the backend cannot hold"
	return []Check{
		check("unicode, long and hostile names", doc, mend, cloudHostileNames),
		check("unicode, long and hostile tokens", doc, mend, cloudHostileTokens),
		check("unicode, long and hostile tags", doc, mend, cloudHostileTags),
		check("hostile environments and tables", "An environment may hold line breaks, and 1 MiB in all: it is kept or refused as invalid. A table of more than 64 KiB is refused.", mend, cloudHostileRest),
	}
}

func cloudHostileNames(b *cloudBench) {
	_, p := b.start()
	atOnceMost(4, hostile(), func(name string) {
		s := b.spec("hostile-" + newID())
		s.Name = name
		b.keeps(p, s, fmt.Sprintf("Create with the name %.60q", name))
	})
	b.onlyState()
}

func cloudHostileTokens(b *cloudBench) {
	_, p := b.start()
	keep := b.spec("keep")
	b.create(p, keep)
	for _, token := range append(hostile(), b.token("case"), strings.ToUpper(b.token("case"))) {
		s := b.spec("hostile")
		s.Token = token
		b.keeps(p, s, fmt.Sprintf("Create with the token %.60q", token))
	}
	b.expect(p, Finding{Did: "Create and Delete with many hostile tokens, then List", Want: cloudDelete, Mend: "delete the server of just this token: no pattern, no prefix, no path"}, keep.Token)
	b.pairs(p)
	b.onlyState()
}

// pairs are tokens that careless handling takes for one.
func (b *cloudBench) pairs(p cloud.Provider) {
	for _, pair := range b.lookAlikes() {
		one, other := b.spec("pair"), b.spec("pair")
		one.Token, other.Token = pair[0], pair[1]
		first, err := p.Create(b.call(), one)
		second, err2 := p.Create(b.call(), other)
		if err == nil && err2 == nil && first.Address == second.Address && first.Port == second.Port {
			b.Report(Finding{Did: fmt.Sprintf("Create with the tokens %.60q and %.60q, which differ", pair[0], pair[1]), Got: "one server: " + about(*first) + "\n" + about(*second),
				Want: "A token is unique for one server.", Mend: "compare whole tokens, byte for byte; use a hash of all of it where the backend's names are short"})
		}
		b.apart(p, pair, err, err2)
		for i, e := range []error{err, err2} {
			if e == nil {
				b.delete(p, pair[i])
			} else if !refused(b.seen(e)) {
				b.Report(Finding{Did: fmt.Sprintf("Create with the tokens %.60q and %.60q, which differ", pair[0], pair[1]), Got: answer(nil, e),
					Want: "A token is unique for one server.", Mend: "compare whole tokens, byte for byte; use a hash of all of it where the backend's names are short"})
			}
		}
	}
}

// apart deletes the first of a pair and looks for the second.
func (b *cloudBench) apart(p cloud.Provider, pair [2]string, err, err2 error) {
	if err != nil || err2 != nil {
		return
	}
	b.delete(p, pair[0])
	if got, err := p.Get(b.call(), pair[1]); b.seen(err) != nil {
		b.Report(Finding{Did: fmt.Sprintf("Create with the tokens %.60q and %.60q, which differ, Delete the first, Get the second", pair[0], pair[1]), Got: answer(got, err),
			Want: cloudDelete, Mend: "delete the server of just this token: compare whole tokens, byte for byte"})
	}
}

func cloudHostileTags(b *cloudBench) {
	_, p := b.start()
	atOnceMost(4, hostile(), func(text string) {
		s := b.spec("hostile-" + newID())
		s.Tags = b.withTag("evil", text)
		b.keeps(p, s, fmt.Sprintf("Create with the tag evil=%.60q", text))
	})
	atOnceMost(4, append(hostile(), tagNames()...), func(name string) {
		s := b.spec("hostile-" + newID())
		s.Tags = b.withTag(name, "evil", "plain", "x", "Plain", "y")
		b.keeps(p, s, fmt.Sprintf("Create with the tag %.60q=evil, and with plain=x and Plain=y", name))
	})
	s := b.spec("many-tags")
	for i := len(s.Tags); i < plugins.MaxTags; i++ {
		s.Tags[fmt.Sprintf("tag-%02d", i)] = strings.Repeat("v", 100)
	}
	b.keeps(p, s, fmt.Sprintf("Create with %d tags of 100 bytes", len(s.Tags)))
	s = b.spec("nameless")
	s.Name = ""
	b.keeps(p, s, "Create with an empty name")
	b.onlyState()
}

// keeps creates something hostile: it is refused, or kept exactly, found by its
// tags, and deleted.
func (b *cloudBench) keeps(p cloud.Provider, s cloud.Spec, did string) {
	made, err := p.Create(b.call(), s)
	if b.seen(err) != nil {
		if !refused(err) {
			b.Report(Finding{Did: did, Got: answer(nil, err)})
		}
		b.namesField(did, "", err)
		return
	}
	if made.Token != s.Token || made.Name != s.Name || !plugins.HasTags(made.Tags, s.Tags) {
		b.Report(Finding{
			Did: did, Got: fmt.Sprintf("token %.60q, name %+.60q where %+.60q was asked for, tags %.200q", made.Token, made.Name, s.Name, made.Tags),
			Mend: "keep them byte for byte: no trimming, no cutting, no other case, no normal form of Unicode; what the backend cannot hold is plugins.Invalid, or hashed where it is only a name there",
		})
	}
	got, err := p.Get(b.call(), s.Token)
	if err != nil || got.Name != s.Name || !plugins.HasTags(got.Tags, s.Tags) {
		b.Report(Finding{Did: did + ", then Get", Got: answer(got, err)})
	}
	if len(s.Tags) > 0 {
		if found, listed := b.list(p, s.Tags)[s.Token]; !listed || found.Name != s.Name {
			b.Report(Finding{Did: did + fmt.Sprintf(", then List with the tags %.200q", s.Tags), Got: fmt.Sprintf("listed: %v, with the name %.60q", listed, found.Name)})
		}
	}
	b.delete(p, s.Token)
	if _, err := p.Get(b.call(), s.Token); plugins.CodeOf(err) != plugins.NotFound {
		b.Report(Finding{Did: did + ", Delete, Get", Got: answer("a server", err), Want: cloudDelete})
	}
}

// bigEnv is almost as large as an environment may be.
func bigEnv() map[string]string {
	env := map[string]string{"LONG": strings.Repeat("x", 600_000)}
	for i := range 3000 {
		env[fmt.Sprintf("MANY_%d", i)] = strings.Repeat("y", 100)
	}
	return env
}

func cloudHostileRest(b *cloudBench) {
	_, p := b.start()
	s := b.spec("env")
	s.Env = map[string]string{"LINES": "one\ntwo\n\n", "QUOTES": `a'b"c\ $(touch escape) %s`, "EMPTY": "", "UNICODE": "ünïcödé 🚀", "LONG": strings.Repeat("x", 100_000)}
	b.keeps(p, s, "Create with an environment of line breaks, quotes and 100,000 bytes")
	s = b.spec("env-big")
	s.Env = bigEnv()
	b.keeps(p, s, "Create with an environment of almost 1 MiB, 600,000 bytes of it one variable")
	s = b.spec("big-config")
	s.Config = over(b.subject.Config, map[string]any{"big": strings.Repeat("x", plugins.MaxConfig)})
	if _, err := p.Create(b.call(), s); !refused(err) {
		b.Report(Finding{Did: fmt.Sprintf("Create with a table of more than %d bytes", plugins.MaxConfig), Got: answer("a server", err)})
	}
	b.onlyState()
}
