package watchlist_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/watchlist"
)

const (
	old = "1111111111111111111111111111111111111111"
	neu = "2222222222222222222222222222222222222222"
)

func auto(url, ref, revision string) state.Reported {
	return state.Reported{VCS: "git", URL: url, Ref: ref, Revision: revision, FactsAt: 7}
}

func TestMerge(t *testing.T) {
	const source = "[source]\ngit = \"https://h.test/shop.git\"\n"
	const onMain = source + "branch = \"main\"\n"
	const theme = "[[watch]]\ngit = \"https://h.test/theme\"\nbranch = \"main\"\n"
	heads := "refs/heads/"
	for _, c := range []struct {
		name, manifest string
		report         []state.Reported
		want           []string
	}{
		{"nothing", "", nil, nil},
		{"source follows HEAD", source, nil, []string{"source https://h.test/shop.git HEAD  0"}},
		{"source follows a branch", onMain, nil, []string{"source https://h.test/shop.git refs/heads/main  0"}},
		{"a frozen source does not move", source + "revision = \"v1.0\"\n", nil, nil},
		{"the manifest's own", theme + onMain, nil,
			[]string{"source https://h.test/shop.git refs/heads/main  0", "manifest https://h.test/theme refs/heads/main  0"}},
		{"source wins and keeps the revision", onMain,
			[]state.Reported{auto("https://H.test/shop", heads+"main", old), auto("https://h.test/lib", "HEAD", neu)},
			[]string{"auto https://h.test/lib HEAD 2 7", "source https://h.test/shop.git refs/heads/main 1 7"}},
		{"manifest wins over auto", theme, []state.Reported{auto("https://h.test/theme.git", heads+"main", old)},
			[]string{"manifest https://h.test/theme refs/heads/main 1 7"}},
		{"source wins over manifest", onMain + "[[watch]]\ngit = \"https://h.test/shop\"\nbranch = \"main\"\n", nil,
			[]string{"source https://h.test/shop.git refs/heads/main  0"}},
		{"HEAD's only branch is the source", source, []state.Reported{auto("https://h.test/shop", heads+"main", old)},
			[]string{"source https://h.test/shop.git HEAD 1 7"}},
		{"HEAD's branch is known by its revision", source,
			[]state.Reported{auto("https://h.test/shop", heads+"docs", neu), auto("https://h.test/shop", heads+"main", old), auto("https://h.test/shop", "HEAD", old)},
			[]string{"source https://h.test/shop.git HEAD 1 7", "auto https://h.test/shop refs/heads/docs 2 7"}},
		{"of two branches HEAD is not guessed", source,
			[]state.Reported{auto("https://h.test/shop", heads+"docs", neu), auto("https://h.test/shop", heads+"main", old)},
			[]string{"source https://h.test/shop.git HEAD  0", "auto https://h.test/shop refs/heads/docs 2 7", "auto https://h.test/shop refs/heads/main 1 7"}},
		{"another branch than the one at HEAD", source,
			[]state.Reported{auto("https://h.test/shop", "HEAD", old), auto("https://h.test/shop", heads+"docs", neu)},
			[]string{"source https://h.test/shop.git HEAD 1 7", "auto https://h.test/shop refs/heads/docs 2 7"}},
		{"auto-watch off", "auto-watch = false\n" + source, []state.Reported{auto("https://h.test/lib", "HEAD", old)},
			[]string{"source https://h.test/shop.git HEAD  0"}},
		{"ignored", "[auto-watch]\nignore = [\"https://h.test/*\"]\n",
			[]state.Reported{auto("https://h.test/a/b", "HEAD", old), auto("https://i.test/a", "HEAD", old)},
			[]string{"auto https://i.test/a HEAD 1 7"}},
		{"watch nothing", "watch = []\n" + source, []state.Reported{auto("https://h.test/lib", "HEAD", old)}, nil},
		{"the same twice", "", []state.Reported{auto("https://h.test/a", "HEAD", old), auto("https://h.test/a.git", "HEAD", neu)},
			[]string{"auto https://h.test/a HEAD 1 7"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := manifests.Parse("shop.toml", []byte(c.manifest+"[[step]]\nrun = \"true\"\n"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range watchlist.Merge(m, &state.Report{Watches: c.report}) {
				got = append(got, fmt.Sprintf("%s %s %s %.1s %d", w.Origin, w.URL, w.Ref, w.Revision, w.FactsAt))
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestMergeWithoutFacts(t *testing.T) {
	if ws := watchlist.Merge(nil, &state.Report{Watches: []state.Reported{auto("https://h.test/a", "HEAD", old)}}); len(ws) != 0 {
		t.Errorf("an instance that is not in force watches %v", ws)
	}
	if ws := watchlist.Merge(&manifests.Manifest{AutoWatch: manifests.AutoWatch{On: true}}, nil); len(ws) != 0 {
		t.Errorf("nothing in force and reported watches %v", ws)
	}
}

func BenchmarkMerge(b *testing.B) {
	m := &manifests.Manifest{AutoWatch: manifests.AutoWatch{On: true}}
	r := &state.Report{}
	for i := range 10000 {
		r.Watches = append(r.Watches, auto(fmt.Sprintf("https://h.test/group/r%05d.git", i), "refs/heads/main", old))
	}
	for b.Loop() {
		watchlist.Merge(m, r)
	}
}
