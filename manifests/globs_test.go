package manifests

import (
	"slices"
	"strings"
	"testing"
)

func TestRelevantPaths(t *testing.T) {
	changed := []string{"README.md", "docs/a.md", "docs/b/c.txt", "src/main.go", "src/deep/er/x_test.go", "go.mod", "a+b/c", "src/é\n.go"}
	for name, c := range map[string]struct {
		paths *Paths
		want  string
	}{
		"no patterns":                       {nil, "README.md docs/a.md docs/b/c.txt src/main.go src/deep/er/x_test.go go.mod a+b/c src/é\n.go"},
		"a star stops at a slash":           {&Paths{Only: []string{"*.md", "docs/*"}}, "README.md docs/a.md"},
		"two stars do not":                  {&Paths{Only: []string{"docs/**"}}, "docs/a.md docs/b/c.txt"},
		"a slash at the end":                {&Paths{Only: []string{"docs/"}}, "docs/a.md docs/b/c.txt"},
		"a directory's name alone":          {&Paths{Only: []string{"docs"}}, ""},
		"two stars between":                 {&Paths{Only: []string{"src/**/*.go"}}, "src/main.go src/deep/er/x_test.go src/é\n.go"},
		"two stars first":                   {&Paths{Only: []string{"**/*.md"}}, "README.md docs/a.md"},
		"two stars within":                  {&Paths{Only: []string{"**.go"}}, "src/main.go src/deep/er/x_test.go src/é\n.go"},
		"one letter, and some":              {&Paths{Only: []string{"go.mo?", "[r-t]rc/main.go", "[!r-t]ocs/a.md", "[^x]EADME.md"}}, "README.md docs/a.md src/main.go go.mod"},
		"no expression":                     {&Paths{Only: []string{"a+b/c", "go(mod", "g.*d"}}, "a+b/c"},
		"ignored":                           {&Paths{Ignore: []string{"**/*.md", "docs/", "src/", "a*/**"}}, "go.mod"},
		"of what counts, ignored":           {&Paths{Only: []string{"src/**"}, Ignore: []string{"**_test.go"}}, "src/main.go src/é\n.go"},
		"everything ignored counts nothing": {&Paths{Ignore: []string{"**"}}, ""},
	} {
		if got := strings.Join(c.paths.Relevant(changed), " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Whatever a pattern is, it is refused or stands for something that matches
// itself unless it has a special character.
func FuzzGlob(f *testing.F) {
	for _, s := range []string{"src/**", "*.md", "docs/", "[a-c]x?", "a[", "[]]", "[!]", "[a&&b]", "[[:alpha:]]", "**", "a**b/***", "é", "{a}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		re, err := glob(s)
		if err != nil || strings.ContainsAny(s, "*?[") {
			return
		}
		if name := strings.TrimSuffix(s, "/"); strings.HasSuffix(s, "/") {
			if !re.MatchString(name + "/x") {
				t.Errorf("%q does not match below it", s)
			}
		} else if !re.MatchString(s) {
			t.Errorf("%q does not match itself", s)
		}
	})
}

func TestCycles(t *testing.T) {
	all := map[string]*Manifest{}
	for name, after := range map[string]string{
		"a": "b", "b": "c d", "c": "a", "d": "x", "x": "y", "y": "x", "alone": "", "behind": "a", "lost": "nobody",
	} {
		all[name] = &Manifest{Instance: name, File: name + ".toml", When: When{After: strings.Fields(after), Place: Place{File: name + ".toml", Line: 3, Column: 9}}}
	}
	var got []string
	for _, errs := range Cycles(all) {
		got = append(got, errs.Error())
	}
	slices.Sort(got)
	const is = ": after: these follow each other in a circle: "
	want := []string{
		"a.toml:3:9" + is + "a after b after c after a: leave one of them out", "b.toml:3:9" + is + "b after c after a after b: leave one of them out",
		"c.toml:3:9" + is + "c after a after b after c: leave one of them out", "x.toml:3:9" + is + "x after y after x: leave one of them out",
		"y.toml:3:9" + is + "y after x after y: leave one of them out",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	delete(all, "c")
	delete(all, "y")
	if left := Cycles(all); len(left) > 0 {
		t.Errorf("without c and y: %v", left)
	}
}
