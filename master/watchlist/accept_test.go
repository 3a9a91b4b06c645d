package watchlist_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/watchlist"
)

// Which hosts are allowed is tested with Hosts, what is no watch file with
// manifests: here is who is trusted.
func TestAccept(t *testing.T) {
	const at = "[source]\ngit = '%s'\n"
	for _, c := range []struct {
		name, source, reported string
		want                   string // in the error; "": accepted
	}{
		{"a host like any", "https://h.test/shop", "https://i.test/x", ""},
		{"the metadata address", "https://h.test/shop", "http://169.254.169.254/x", "never asked"},
		{"this machine", "https://h.test/shop", "http://127.0.0.1:3000/x", "loopback"},
		{"this machine's server that the manifest itself names", "http://127.0.0.1:3000/shop", "http://127.0.0.1:3000/x", ""},
		{"in another spelling", "http://localhost:3000/shop", "HTTP://LOCALHOST.:3000/x.git", ""},
		{"another server of this machine", "http://127.0.0.1:3000/shop", "http://127.0.0.1:6379/x", "loopback"},
		{"this machine by another name", "http://127.0.0.1:3000/shop", "http://localhost:3000/x", "loopback"},
		{"of a local source", "/srv/shop.git", "http://127.0.0.1:3000/x", "loopback"},
		{"a path", "https://h.test/shop", "/srv/x", "local path"},
		{"a file URL", "https://h.test/shop", "file:///srv/x", "local path"},
		{"a path with a local source", "/srv/shop.git", "/srv/x", ""},
		{"a user who is called like a host", "https://h.test/shop", "ssh://h.test@127.0.0.1/x", "loopback"},
		{"a path like a host", "https://h.test/shop", "git@localhost:h.test/x", "loopback"},
	} {
		file := fmt.Sprintf("[[watch]]\ngit = '%s'\n", c.reported)
		ws, err := watchlist.Accept([]byte(file), parse(t, fmt.Sprintf(at, c.source)), watchlist.Hosts{})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) || err == nil && len(ws) != 1 {
			t.Errorf("%s: %v, %v; want %q", c.name, ws, err, c.want)
		}
	}
	if _, err := watchlist.Accept([]byte("[[watch]]\ngit = '/srv/x'\n"), nil, watchlist.Hosts{}); err == nil {
		t.Error("an instance without a manifest may name paths")
	}
	loopback := watchlist.NewHosts(manifests.HostsConfig{Loopback: true})
	if _, err := watchlist.Accept([]byte("[[watch]]\ngit = 'http://127.0.0.1/x'\n"), nil, loopback); err != nil {
		t.Errorf("where the configuration allows this machine: %v", err)
	}
}

// FuzzAccept: any bytes come to a verdict, and a list that is accepted can be
// written and is accepted again, the same.
func FuzzAccept(f *testing.F) {
	for _, s := range []string{
		"", "watch = []", "[[watch]]\ngit = 'https://h.test/x'\nbranch = 'main'\nfrom = 'go.mod:3'\nrevision = '" + old + "'\n",
		"watch = [{git='git@h:p', tag='v1'}, {hg='https://h/p', bookmark='@'}]", "[[watch]]\ngit = 'file:///etc'\n",
		"[[watch]]\ngit = 'http://169.254.169.254/x'\n", "[[watch]]\ngit = 'http://[::ffff:127.0.0.1]/x'\n", "[[watch]]\ngit = 'ext::sh'\n",
		"[[watch]]\ngit = \"https://h/\\u202e\"\n", "x = [[[[", "\ufeff", "\xff\xfe[\x00",
	} {
		f.Add([]byte(s))
	}
	m := parse(f, onSource)
	f.Fuzz(func(t *testing.T, file []byte) {
		ws, err := watchlist.Accept(file, m, watchlist.Hosts{})
		if err != nil {
			if ws != nil || err.Error() == "" {
				t.Fatalf("refused with %d watches and %q", len(ws), err)
			}
			return
		}
		text := manifests.FormatWatches(ws)
		if len(text) > 256<<10 {
			return
		}
		again, err := watchlist.Accept(text, m, watchlist.Hosts{})
		if err != nil || len(again) != len(ws) {
			t.Fatalf("%d watches, then %d, %v:\n%s", len(ws), len(again), err, text)
		}
		if d := watchlist.Diff(ws, again); d.Added != nil || d.Removed != nil || d.Moved != nil {
			t.Fatalf("not the same: %+v", d)
		}
		if !bytes.Equal(manifests.FormatWatches(again), text) {
			t.Fatalf("unstable:\n%s", text)
		}
	})
}
