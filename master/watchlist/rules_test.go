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
	onSource = "[source]\ngit = 'https://h.test/shop.git'\nbranch = 'main'\n"
	onTheme  = "[[watch]]\ngit = 'https://h.test/theme.git'\nbranch = 'stable'\n"
)

// reportOf is what build 7 reported: "URL REF" each, found in go.mod.
func reportOf(watches ...string) *state.Report {
	r := &state.Report{Instance: "shop", Number: 7}
	for i, w := range watches {
		url, ref, _ := strings.Cut(w, " ")
		r.Watches = append(r.Watches, state.Reported{
			VCS: "git", URL: url, Ref: ref, Revision: old, FactsAt: 7, From: fmt.Sprintf("go.mod:%d", i+1), Since: 5,
		})
	}
	return r
}

func parse(t testing.TB, text string) *manifests.Manifest {
	t.Helper()
	m, err := manifests.Parse("shop.toml", []byte(text+"[[step]]\nrun = 'true'\n"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestWhatIsWatched are the rules as people are told them.
func TestWhatIsWatched(t *testing.T) {
	const theme, lib = "https://h.test/theme.git refs/heads/", "https://h.test/lib.git refs/heads/main"
	for _, c := range []struct {
		rule, manifest string
		reported       []string
		want           []string
	}{
		{"The list is the source, the manifest's own and the report together.",
			onSource + onTheme, []string{lib},
			[]string{"auto lib main go.mod:1", "source shop main shop.toml:1", "manifest theme stable shop.toml:4"}},
		{"The same ref of the same remote is one watch, and it is the manifest's, whatever the report's spelling.",
			onTheme, []string{"git@H.test:theme refs/heads/stable"},
			[]string{"manifest theme stable shop.toml:1"}},
		{"The source is the source, whatever else names it.",
			onSource + "[[watch]]\ngit = 'ssh://git@h.test/shop'\nbranch = 'main'\n", []string{"https://h.test/shop refs/heads/main"},
			[]string{"source shop main shop.toml:1"}},
		{"Another branch of a remote that the manifest names is watched beside it: the build depends on both.",
			onTheme, []string{theme + "main"},
			[]string{"auto theme main go.mod:1", "manifest theme stable shop.toml:1"}},
		{"Another remote of that name is another remote.",
			onTheme, []string{"https://mirror.test/theme.git refs/heads/stable"},
			[]string{"manifest theme stable shop.toml:1", "auto theme stable go.mod:1"}},
		{"auto-watch = false leaves the source and the manifest's own.",
			"auto-watch = false\n" + onSource + onTheme, []string{lib},
			[]string{"source shop main shop.toml:2", "manifest theme stable shop.toml:5"}},
		{"auto-watch = true is how it is without the key.",
			"auto-watch = true\n" + onSource, []string{lib},
			[]string{"auto lib main go.mod:1", "source shop main shop.toml:2"}},
		{"A pattern of auto-watch.ignore leaves out what is reported, in all spellings.",
			"auto-watch = { ignore = ['https://h.test/*'] }\n", []string{lib, "git@h.test:a/b HEAD", "https://i.test/x HEAD"},
			[]string{"auto x HEAD go.mod:3"}},
		{"It leaves out nothing that the manifest names.",
			"auto-watch = { ignore = ['*'] }\n" + onSource + onTheme, []string{theme + "stable", lib},
			[]string{"source shop main shop.toml:2", "manifest theme stable shop.toml:5"}},
		{"watch = [] means that commits never start a build,",
			"watch = []\n" + onSource, []string{lib}, nil},
		{"with auto-watch on or off,",
			"watch = []\nauto-watch = true\n" + onSource, []string{lib}, nil},
		{"off,",
			"watch = []\nauto-watch = false\n" + onSource, []string{lib}, nil},
		{"or with some left out.",
			"watch = []\nauto-watch = { ignore = ['https://i.test/*'] }\n" + onSource, []string{lib}, nil},
		{"A frozen source is not watched; what else the build uses is.",
			"[source]\ngit = 'https://h.test/shop.git'\nrevision = 'v1'\n", []string{lib},
			[]string{"auto lib main go.mod:1"}},
		{"What was reported twice is one watch.",
			"", []string{lib, "https://h.test/lib refs/heads/main"}, []string{"auto lib main go.mod:1"}},
		{"Nothing in the manifest and nothing reported: nothing is watched.", "", nil, nil},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var got []string
			for _, w := range watchlist.Merge(parse(t, c.manifest), reportOf(c.reported...)) {
				name := strings.TrimSuffix(w.URL[strings.LastIndexAny(w.URL, "/:")+1:], ".git")
				got = append(got, fmt.Sprintf("%s %s %s %s", w.Origin, name, strings.TrimPrefix(w.Ref, "refs/heads/"), w.From))
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestTheManifestsWatchKnowsWhatTheReportKnows(t *testing.T) {
	ws := watchlist.Merge(parse(t, onTheme), reportOf("git@h.test:theme refs/heads/stable"))
	if len(ws) != 1 || ws[0].URL != "https://h.test/theme.git" || ws[0].Revision != old || ws[0].FactsAt != 7 || ws[0].Since != 5 {
		t.Errorf("%+v", ws)
	}
}

func TestWhy(t *testing.T) {
	r := reportOf("ssh://git@h.test/shop.git refs/heads/main", "https://h.test/theme.git refs/heads/main", "https://h.test/lib HEAD")
	m := parse(t, onSource+onTheme)
	for _, c := range []struct {
		url  string
		want []string
	}{
		{"git@H.TEST:shop", []string{"source https://h.test/shop.git refs/heads/main shop.toml:1 since 5; auto ssh://git@h.test/shop.git go.mod:1"}},
		{"https://h.test/theme", []string{"auto https://h.test/theme.git refs/heads/main go.mod:2 since 5",
			"manifest https://h.test/theme.git refs/heads/stable shop.toml:4 since 0"}},
		{"https://h.test/lib.git", []string{"auto https://h.test/lib HEAD go.mod:3 since 5"}},
		{"https://h.test/other", nil},
		{"", nil},
	} {
		var got []string
		for _, reason := range watchlist.Why(m, r, c.url) {
			s := fmt.Sprintf("%s %s %s %s since %d", reason.Origin, reason.URL, reason.Ref, reason.From, reason.Since)
			for _, w := range reason.Also {
				s += fmt.Sprintf("; %s %s %s", w.Origin, w.URL, w.From)
			}
			got = append(got, s)
		}
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s: got\n%s\nwant\n%s", c.url, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
	if got := watchlist.Why(parse(t, "watch = []\n"+onSource), r, "https://h.test/shop"); got != nil {
		t.Errorf("of nothing watched: %v", got)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"https://git.example.test/shop.git", "git@git.example.test:shop", "https://git.example.test/theme.git",
		"https://mirror.test/team/theme", "/srv/git/data.git", "https://other.test/tool"}
	for url, want := range map[string]string{
		"https://git.example.test/shpo":    "https://git.example.test/shop.git", // two spellings of it are one
		"git.example.test/theme":           "https://git.example.test/theme.git https://mirror.test/team/theme",
		"theme":                            "https://git.example.test/theme.git https://mirror.test/team/theme",
		"https://elsewhere.test/x/tool":    "https://other.test/tool",
		"/srv/git/date.git":                "/srv/git/data.git",
		"https://quite-different.test/abc": "",
	} {
		got := strings.Join(watchlist.Nearest(url, known, 2), " ")
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q, want %q first", url, got, want)
		}
	}
	if got := watchlist.Nearest("theme", nil, 3); got != nil {
		t.Errorf("of none: %q", got)
	}
	watchlist.Nearest(strings.Repeat("x", 1<<20), known, 3)
}

func TestDiff(t *testing.T) {
	list := func(text string) []manifests.Watch {
		ws, err := manifests.ParseWatches("watch.toml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return ws
	}
	old := list("watch = [{git='https://h.test/gone'}, {git='https://h.test/a', from='x:1'}, {git='https://h.test/b', from='x:2'}," +
		"{git='https://h.test/same', branch='main', revision='" + old + "', from='x:3'}, {git='https://h.test/c', branch='one'}]")
	fresh := list("watch = [{git='git@h.test:same.git', branch='main', revision='" + neu + "', from='x:3'}, {git='https://h.test/b', from='x:7'}," +
		"{git='https://h.test/new'}, {git='https://h.test/c', branch='two'}, {git='https://h.test/a', from='x:1'}]")
	d := watchlist.Diff(old, fresh)
	got := fmt.Sprintln(urls(d.Added), urls(d.Removed), len(d.Moved), d.Moved[0].URL, d.Moved[0].Was, d.Moved[0].From)
	if want := "[https://h.test/c refs/heads/two https://h.test/new HEAD] [https://h.test/c refs/heads/one https://h.test/gone HEAD] " +
		"1 https://h.test/b x:2 x:7\n"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if d := watchlist.Diff(old, old); d.Added != nil || d.Removed != nil || d.Moved != nil {
		t.Errorf("of the same: %+v", d)
	}
}

func urls(ws []manifests.Watch) (all []string) {
	for _, w := range ws {
		all = append(all, w.URL+" "+w.Ref)
	}
	return all
}
