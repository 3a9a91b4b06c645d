package schedule

import "testing"

const (
	libs     = "[source]\ngit = \"https://h.test/lib.git\"\nbranch = \"main\"\n[[step]]\nname = \"test\"\nrun = \"true\"\n"
	themed   = "[[watch]]\ngit = \"https://h.test/theme.git\"\nbranch = \"main\"\n"
	quietly  = "tree-stable-timer = \"5m\"\n"
	sources  = "only-if-changed = [\"src/**\"]\n"
	noDocs   = "ignore-changed = [\"docs/\", \"*.md\"]\n"
	afterLib = "after = [\"lib\"]\n"
)

func TestStoriesOfChanges(t *testing.T) {
	for _, st := range []story{
		{name: "nothing happens"},
		{name: "a commit", events: "10m push r2", want: "10m change r2"},
		{name: "two commits", events: "10m push r2\n20m push r3", want: "10m change r2, 20m change r3"},
		{name: "a commit while a build runs", events: "10m push r2\n10m30s push r3", want: "10m change r2, 10m30s change r3"},
		{name: "a commit joins the build that waits", events: "1m busy\n10m push r2\n11m push r3\n12m free", want: "10m change r3"},
		{name: "a build that has failed is not built again", events: "1m fails\n10m push r2", want: "10m change r2"},
		{name: "a commit must rest", manifest: quietly, events: "10m push r2", want: "15m change r2"},
		{name: "the next one begins the wait anew", manifest: quietly, events: "10m push r2\n14m push r3\n18m push r4", want: "23m change r4"},
		{name: "two repositories rest together", manifest: quietly + themed, events: "10m push r2\n12m push theme t2", want: "17m change r2 t2"},
		{name: "back where it was before it was built", manifest: quietly, events: "10m push r2\n12m push r1"},
		{name: "what waits does not rest", manifest: quietly, events: "1m busy\n2m start\n10m push r2\n11m free", want: "2m person r2"},
		{name: "a watch", manifest: themed, events: "10m push theme t2", want: "10m change t2"},
		{name: "discovering is not moving", manifest: "---\n" + themed, events: "10m manifest 1"},
		{name: "what was discovered moves", manifest: "---\n" + themed, events: "10m manifest 1\n20m push theme t2", want: "20m change t2"},
		{name: "what moved before it was watched", manifest: "---\n" + themed, events: "5m push theme t2\n10m manifest 1"},
		{name: "what is watched no more", manifest: themed + "---\n", events: "10m manifest 1\n20m push theme t2"},
		{name: "nothing is watched", manifest: "watch = []\n", events: "10m push r2\n20m start", want: "20m person"},
		{name: "what a build found", events: "1m report theme\n2m start\n10m push theme t2", want: "2m person, 10m change t2"},
		{name: "what a build found at a revision that is old by then", events: "1m report theme\n1m30s takes 5m\n2m start\n3m push theme t2", want: "2m person, 3m change t2"},
		{name: "nobody wants to know what it found", manifest: "auto-watch = false\n", events: "1m report theme\n2m start\n10m push theme t2", want: "2m person"},
		{name: "a commit to be skipped", events: "10m skip r2"},
		{name: "another one after it", events: "10m skip r2\n20m push r3", want: "20m change r3"},
		{name: "a commit to be skipped while one rests", manifest: quietly, events: "10m push r2\n12m skip r3", want: "17m change r3"},
		{name: "marks do not count", manifest: "skip-marks = false\n", events: "10m skip r2", want: "10m change r2"},
		{name: "a path that counts", manifest: sources, events: "10m push r2 src/a/b.go README.md", want: "10m change r2"},
		{name: "a path that does not", manifest: sources, events: "10m push r2 docs/src/a"},
		{name: "paths to ignore", manifest: noDocs, events: "10m push r2 docs/a README.md"},
		{name: "others beside them", manifest: noDocs, events: "10m push r2 docs/a src/README.md", want: "10m change r2"},
		{name: "both", manifest: sources + "ignore-changed = [\"**/*.md\"]\n", events: "10m push r2 src/a.md\n20m push r3 src/a.md src/a.go", want: "20m change r3"},
		{name: "what did not count is in the next build", manifest: sources, events: "10m push r2 docs/a\n20m push r3 src/a\n30m push r4 docs/b", want: "20m change r3"},
		{name: "paths that nobody knows", manifest: sources, events: "10m force r2", want: "10m change r2"},
		{name: "a watch has paths of its own", manifest: sources + themed + "ignore-changed = [\"doc/**\"]\n", events: "10m push theme t2 doc/a\n20m push theme t3 a", want: "20m change t3"},
		{name: "paths and marks", manifest: sources, events: "10m skip r2 src/a"},
		{name: "the branch is deleted", events: "10m gone"},
		{name: "and comes back where it was", events: "10m gone\n20m push r1"},
		{name: "and comes back elsewhere", events: "10m gone\n20m push r2", want: "20m change r2"},
		{name: "the master was dead", events: "10m down\n20m push r2\n21m push r3\n30m up", want: "30m change r3"},
		{name: "the master dies while a commit rests", manifest: quietly, events: "10m push r2\n11m down\n30m up", want: "30m change r2"},
		{name: "and is back before it has", manifest: quietly, events: "10m push r2\n11m down\n12m up", want: "15m change r2"},
		{name: "archived", events: "5m archive\n10m push r2\n20m start"},
		{name: "and not any more", events: "5m archive\n10m push r2\n20m unarchive", want: "20m change r2"},
		{name: "a person", events: "1m start\n1m10s start", want: "1m person, 1m10s person"},
		{name: "a revision that a person chose", events: "1m start r9", want: "1m person r9"},
		{name: "a commit does not join that", events: "1m busy\n2m start r9\n3m push r2\n4m free", want: "2m person r9, 3m change r2"},
		{name: "a commit that a person has built already", manifest: quietly, events: "10m push r2\n11m start", want: "11m person r2"},
	} {
		t.Run(st.name, func(t *testing.T) { tell(t, st) })
	}
}

func TestStoriesOfFollowing(t *testing.T) {
	lib := map[string]string{"lib": libs}
	for _, st := range []story{
		{name: "a success", manifest: afterLib, others: lib, events: "10m push lib l2", want: "10m lib change l2, 11m after"},
		{name: "a failure", manifest: afterLib, others: lib, events: "5m fails\n10m push lib l2", want: "10m lib change l2"},
		{name: "a success after a failure", manifest: afterLib, others: lib, events: "5m fails\n10m push lib l2\n15m well\n20m push lib l3", want: "10m lib change l2, 20m lib change l3, 21m after"},
		{name: "it rests, too", manifest: afterLib + quietly, others: lib, events: "10m push lib l2\n13m push lib l3", want: "10m lib change l2, 13m lib change l3, 19m after"},
		{name: "it joins what waits", manifest: afterLib, others: lib, events: "10m push lib l2\n10m30s busy\n10m40s start\n20m free", want: "10m lib change l2, 10m40s person"},
		{name: "a chain", manifest: afterLib, others: map[string]string{"lib": libs, "app": "after = [\"shop\"]\n[[step]]\nrun = \"true\"\n"},
			events: "10m push lib l2", want: "10m lib change l2, 11m after, 12m app after"},
		{name: "two that succeed at once", manifest: "after = [\"lib\", \"lib2\"]\n", others: map[string]string{"lib": libs, "lib2": libs}, events: "10m push lib l2",
			want: "10m lib change l2, 10m lib2 change l2, 11m after"},
		{name: "a success from before it was named", manifest: "---\n" + afterLib, others: lib, events: "10m push lib l2\n20m manifest 1", want: "10m lib change l2"},
		{name: "the master was dead meanwhile", manifest: afterLib, others: lib, events: "10m push lib l2\n10m30s down\n30m up", want: "10m lib change l2, 30m after"},
		{name: "archived", manifest: afterLib, others: lib, events: "5m archive\n10m push lib l2", want: "10m lib change l2"},
		{name: "a diamond", manifest: afterLib, others: map[string]string{"lib": libs, "app": "after = [\"lib\", \"shop\"]\n[[step]]\nrun = \"true\"\n"},
			events: "10m push lib l2", want: "10m lib change l2, 11m app after, 11m after, 12m app after"},
		{name: "nothing is watched", manifest: afterLib + "watch = []\n", others: lib, events: "5m push r2\n10m push lib l2", want: "10m lib change l2, 11m after"},
	} {
		t.Run(st.name, func(t *testing.T) { tell(t, st) })
	}
}
