package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// following is a directory of manifests: "a<b,c b d!bad".
func following(text string) Source {
	var entries []manifests.Entry
	for _, word := range strings.Fields(text) {
		name, why, bad := strings.Cut(word, "!")
		name, after, _ := strings.Cut(name, "<")
		if bad {
			entries = append(entries, manifests.BadEntry(name+".toml", why))
			continue
		}
		manifest := ""
		if after != "" {
			manifest = fmt.Sprintf("after = [\"%s\"]\n", strings.ReplaceAll(after, ",", "\", \""))
		}
		entries = append(entries, manifests.ReadEntry(name+".toml", []byte(manifest+"[[step]]\nrun = \"true\"\n")))
	}
	return Source{Said: &Said{Snapshot: manifests.Collect(entries)}}
}

// What is in force never goes round in a circle, whatever the files say one
// after the other, and whoever is part of one hears of it.
func TestNoCircleIsInForce(t *testing.T) {
	f := state.NewFacts()
	rev := int64(0)
	for i, c := range []struct{ files, inForce, wrong string }{
		{"a<b b c", "a<b b c", ""},
		{"a<b b<a c", "a<b b c", "a b"},
		{"a<b b<c c", "a<b b<c c", ""},
		{"a!typo b<c c<a", "a<b b<c c", "a b c"}, // with what is in force of a
		{"a b<c c<a", "a b<c c<a", ""},
		{"a<c b<c c<b", "a b<c c<a", "a b c"}, // in place of c stays what follows a
		{"x<y y<z z<x", "", "x y z"},
		{"x<y y<z z", "x<y y<z z", ""},
	} {
		for _, w := range Difference(f, []Source{following(c.files)}, time.Now()) {
			rev++
			if w.Value == nil {
				f.Delete(w.Key)
				continue
			}
			text, err := state.Encode(w.Value)
			if err == nil {
				err = f.Put(w.Key, text, rev)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		var inForce []string
		all := map[string]*manifests.Manifest{}
		for _, name := range slices.Sorted(maps.Keys(f.Manifests)) {
			m := f.Manifests[name].Manifest
			all[name] = m
			if len(m.When.After) > 0 {
				name += "<" + strings.Join(m.When.After, ",")
			}
			inForce = append(inForce, name)
		}
		if len(manifests.Cycles(all)) > 0 {
			t.Errorf("%d: a circle is in force", i)
		}
		wrong := strings.Join(slices.Sorted(maps.Keys(f.Faults)), " ")
		if got := strings.Join(inForce, " "); got != c.inForce || wrong != c.wrong {
			t.Errorf("%d: %s: in force %q, wrong %q; want %q, %q", i, c.files, got, wrong, c.inForce, c.wrong)
		}
	}
}
