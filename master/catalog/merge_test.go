package catalog

import (
	"fmt"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// source reads "dir: shop=make blog!why", "R1: …", "R1/etc: …" or, where it has
// not been heard, "R1?".
func source(t *testing.T, text string) Source {
	t.Helper()
	name, files, heard := strings.Cut(text, ":")
	s := Source{}
	if name = strings.TrimSuffix(name, "?"); name != "dir" {
		s.Repo, s.Directory, _ = strings.Cut(name, "/")
	}
	if !heard {
		return s
	}
	s.Said = &Said{Origins: map[string]state.Origin{}}
	var entries []manifests.Entry
	for _, f := range strings.Fields(files) {
		name, why, bad := strings.Cut(f, "!")
		name, run, _ := strings.Cut(name, "=")
		file := path.Join(s.Directory, name+".toml")
		if bad {
			entries = append(entries, manifests.BadEntry(file, why))
		} else {
			entries = append(entries, manifests.ReadEntry(file, fmt.Appendf(nil, step, run)))
		}
		if s.Repo != "" {
			s.Said.Origins[name] = state.Origin{Repo: s.Repo, Commit: "c-" + run + why, Author: "Ann"}
		}
	}
	s.Said.Snapshot = manifests.Collect(entries)
	return s
}

// sources reads sources separated by "|".
func sources(t *testing.T, text string) []Source {
	t.Helper()
	var all []Source
	for part := range strings.SplitSeq(text, "|") {
		all = append(all, source(t, strings.TrimSpace(part)))
	}
	return all
}

// standing is what is in force and what is wrong, like "shop=make@R1 shop!why@R2".
func standing(f *state.Facts) string {
	var out []string
	for _, w := range []string{"a", "b", "c"} {
		if m := f.Manifests[w]; m != nil {
			out = append(out, fmt.Sprintf("%s=%s@%s", w, m.Manifest.Steps[0].Run, m.Repo+strings.TrimSuffix("/"+path.Dir(m.File), "/.")))
		}
		if x := f.Faults[w]; x != nil {
			var all []string
			for _, e := range x.Errors {
				all = append(all, e.Message)
			}
			out = append(out, fmt.Sprintf("%s!%s@%s", w, strings.Join(all, "+"), x.Repo))
		}
	}
	return strings.Join(out, " ")
}

func TestMerge(t *testing.T) {
	const claim = "instance a is in force from %s, not from %s"
	for name, c := range map[string]struct {
		turns []string // what the sources say, one time after the other
		want  string
	}{
		"a directory and a repository":         {[]string{"dir: a=x | R1: b=y"}, "a=x@ b=y@R1"},
		"a repository is not heard yet":        {[]string{"dir: a=x | R1?"}, "a=x@"},
		"restarted, the remote is away":        {[]string{"R1: a=x b=y c!why", "R1?"}, "a=x@R1 b=y@R1 c!why@R1"},
		"restarted, one remote is away":        {[]string{"R1: a=x | R2: b=y c!why", "R1: | R2?"}, "b=y@R2 c!why@R2"},
		"restarted, it says something else":    {[]string{"R1: a=x b=y", "R1?", "R1: b=z"}, "b=z@R1"},
		"all manifests go":                     {[]string{"R1: a=x b=y", "R1:"}, ""},
		"the last good one stays":              {[]string{"R1: a=x", "R1: a!why"}, "a=x@R1 a!why@R1"},
		"good again":                           {[]string{"R1: a=x", "R1: a!why", "R1: a=x"}, "a=x@R1"},
		"two claim it, at once":                {[]string{"R1: a=x | R2: a=y"}, "a=x@R1 a!" + fmt.Sprintf(claim, "a.toml in R1 (HEAD)", "a.toml in R2 (HEAD)") + "@R2"},
		"two claim it, the other was first":    {[]string{"R1: | R2: a=y", "R1: a=x | R2: a=y"}, "a=y@R2 a!" + fmt.Sprintf(claim, "a.toml in R2 (HEAD)", "a.toml in R1 (HEAD)") + "@R1"},
		"the directory claims it too":          {[]string{"dir: | R1/etc: a=y", "dir: a=x | R1/etc: a=y"}, "a=y@R1/etc a!" + fmt.Sprintf(claim, "etc/a.toml in R1 (HEAD)", "a.toml") + "@"},
		"two directories of one repository":    {[]string{"R1/p: a=x | R1/q: b=y", "R1/p: a=x | R1/q: b=y a=z"}, "a=x@R1/p a!" + fmt.Sprintf(claim, "p/a.toml in R1 (HEAD)", "q/a.toml in R1 (HEAD)") + "@R1 b=y@R1/q"},
		"the owner is not heard":               {[]string{"R1: a=x | R2:", "R1? | R2: a=y"}, "a=x@R1 a!" + fmt.Sprintf(claim, "a.toml in R1 (HEAD)", "a.toml in R2 (HEAD)") + "@R2"},
		"the owner goes bad":                   {[]string{"R1: a=x | R2:", "R1: a!why | R2: a=y"}, "a=x@R1 a!why+" + fmt.Sprintf(claim, "a.toml in R1 (HEAD)", "a.toml in R2 (HEAD)") + "@R1"},
		"the newcomer is bad":                  {[]string{"R1: a=x | R2:", "R1: a=x | R2: a!why"}, "a=x@R1 a!why@R2"},
		"both are bad":                         {[]string{"R1: a!why | R2: a!how"}, "a!why+how@R1"},
		"a bad one and a good one":             {[]string{"R1: a!why | R2: a=y"}, "a=y@R2 a!why@R1"},
		"the owner lets go":                    {[]string{"R1: a=x | R2: a=y", "R1: | R2: a=y"}, "a=y@R2"},
		"moved to the other repository":        {[]string{"R1: a=x | R2:", "R1: a=x | R2: a=x", "R1: | R2: a=x"}, "a=x@R2"},
		"moved to another directory":           {[]string{"R1/p: a=x", "R1/q: a=x"}, "a=x@R1/q"},
		"from the directory to a repository":   {[]string{"dir: a=x b=y", "R1?", "R1: a=x"}, "a=x@R1"},
		"it is bad in the new repository":      {[]string{"dir: a=x b=y", "R1: a!why"}, "a=x@ a!why@R1"},
		"no longer followed, another is away":  {[]string{"R1: a=x b!why", "R2?"}, "a=x@R1 b!why@R1"},
		"no longer followed, others are heard": {[]string{"R1: a=x b!why", "R2: c=z"}, "c=z@R2"},
		"a fault goes with its source":         {[]string{"R1: a!why | R2: b=y", "R2: a=x b=y | R3?"}, "a=x@R2 b=y@R2"},
	} {
		t.Run(name, func(t *testing.T) {
			f := state.NewFacts()
			for i, turn := range c.turns {
				writes := Difference(f, sources(t, turn), time.Unix(int64(i), 0))
				facts(t, f, writes, int64(i+1))
				if again := Difference(f, sources(t, turn), time.Unix(99, 0)); len(again) > 0 {
					t.Errorf("after %q once more: %s", turn, show(again))
				}
			}
			if got := standing(f); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// The commit in force is the one that brought the text, whatever comes after it.
func TestCommitInForce(t *testing.T) {
	f := state.NewFacts()
	for i, commit := range []string{"first", "second"} {
		all := sources(t, "R1: a=x")
		all[0].Said.Origins["a"] = state.Origin{Repo: "R1", Commit: commit, Author: "Ann", CommittedAt: time.Unix(5, 0).UTC()}
		facts(t, f, Difference(f, all, time.Unix(1, 0)), int64(i+1))
	}
	if m := f.Manifests["a"]; m.Commit != "first" || m.Author != "Ann" || !m.CommittedAt.Equal(time.Unix(5, 0)) {
		t.Errorf("in force %+v", m.Origin)
	}
	bad := sources(t, "R1: a!why")
	facts(t, f, Difference(f, bad, time.Unix(1, 0)), 9)
	bad[0].Said.Origins["a"] = state.Origin{Repo: "R1", Commit: "third", Author: "Bob"}
	facts(t, f, Difference(f, bad, time.Unix(1, 0)), 10)
	if x := f.Faults["a"]; x.Commit != "third" || x.Author != "Bob" {
		t.Errorf("fault %+v", x.Origin)
	}
}
