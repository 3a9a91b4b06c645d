package web_test

import (
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/api"
	"github.com/wright-build/wright/master/api/apitest"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/web"
)

func TestLook(t *testing.T) {
	if os.Getenv("LOOK") == "" {
		t.Skip()
	}
	w := apitest.New(t)
	cfg := w.Config()
	cfg.Proxy, cfg.Listen = "127.0.0.1:8199", "127.0.0.1:8199"
	refused := t.TempDir()
	cfg.Refused = refused
	os.WriteFile(refused+"/x.toml", []byte("[[watch]]\ngit = \"https://x<script>alert(1)</script>\"\nbranch = 7\n"), 0o600)
	const src = "[source]\ngit = \"https://git.example.test/shop.git\"\nbranch = \"main\"\n[[step]]\nname=\"test\"\nrun=\"x\"\n[notify]\non-failure=[\"ops@example.test\"]\n"
	for _, n := range []string{"shop", "blog", "intranet-of-the-northern-branch", "docs", "fresh"} {
		w.Manifest(n, strings.ReplaceAll(src, "shop.git", n+".git"))
	}
	w.Put((&state.Fault{Name: "docs", Since: time.Now(), Errors: manifests.Errors{
		{Place: manifests.Place{File: "/etc/wright/docs.toml", Line: 12, Column: 3}, Key: "step.rnu", Message: `unknown key "rnu"`, Hint: `did you mean "run"?`},
		{Place: manifests.Place{File: "/etc/wright/docs.toml", Line: 20, Column: 1}, Message: `run is missing`, Hint: `write run = "make test"`}}}).Put(),
		(&state.Fault{Name: "legacy", Since: time.Now(), Errors: manifests.Errors{
			{Place: manifests.Place{File: "/etc/wright/legacy.toml", Line: 1, Column: 1}, Message: `the file looks like UTF-16`, Hint: `save it as UTF-8 without byte order mark`}}}).Put(),
		(&state.Agent{Name: "dev-1", Slots: 4, Capabilities: []string{"postgresql 15.4 port=5433", "docker 27.1", "make", "go 1.26"}, Plugins: []string{"cloud/process", "database/sqlite", "dns/hosts"}, Version: "v0.1.0", ConnectedAt: w.Now}).Put(),
		(&state.Agent{Name: "dev-2", Slots: 16, Version: "v0.1.0", Draining: true, ConnectedAt: w.Now}).Put(),
		(&state.Report{Instance: "shop", Build: "shop-000001", Watches: []state.Reported{{VCS: "git", URL: "https://git.example.test/theme.git", Ref: "refs/heads/main", Revision: strings.Repeat("7", 40)}, {VCS: "git", URL: "https://git.example.test/gone.git", Ref: "refs/heads/stable"}}}).Put(),
		(&state.Refusal{Instance: "shop", Build: "shop-000002", At: w.Now, Reason: "watch.toml:3:10: branch must be a string, it is an integer: write branch = \"main\"", Kept: refused + "/x.toml"}).Put(),
	)
	start := func(n, text string, ch ...state.Change) string {
		b, err := w.Start(t.Context(), n, api.Request{Kind: "change", Text: text})
		if err != nil {
			t.Fatal(err)
		}
		l := *w.Live(b.ID)
		l.Reason.Changes = ch
		l.Revisions = map[string]string{"https://git.example.test/shop.git": strings.Repeat("ab12", 10), "https://git.example.test/theme.git": strings.Repeat("7", 40)}
		w.Put(l.Put())
		return b.ID
	}
	ch := state.Change{URL: "https://git.example.test/theme.git", Ref: "refs/heads/main", Old: strings.Repeat("6", 40), New: strings.Repeat("7", 40)}
	for i := range 3 {
		id := start("shop", "theme main moved to 7777777777", ch)
		w.Begin(id, "step test")
		w.Output(id, 0, "wright", []byte("cloned https://git.example.test/shop.git with go-git\nsubmodule theme at 7777777777\n"), false)
		w.Output(id, 1, "test", []byte("\x1b[1m=== RUN\x1b[0m TestCart\n\x1b[32mok\x1b[0m  \tshop/cart\t0.412s\nok  \tshop/checkout\t1.904s\n"), true)
		if i == 1 {
			w.Output(id, 2, "build", []byte("cc -O2 main.c\nmain.c:12: error: expected ';' before '}' token <b>\nmake: *** [Makefile:3: build] Error 1\n"), true)
			w.End(id, state.Failed, "step build failed with exit status 2")
		} else {
			w.Output(id, 2, "build", []byte(strings.Repeat("compiling a file with a rather long name that must wrap somewhere on a phone\n", 5000)), true)
			w.Output(id, 3, "provision", []byte("server is up"), true)
			w.End(id, state.Succeeded, "")
		}
	}
	for i, n := range []string{"blog", "docs", "intranet-of-the-northern-branch"} {
		id := start(n, "asked for on the page")
		if i == 0 {
			w.Begin(id, "step test")
			w.Output(id, 0, "wright", []byte("cloned\n"), false)
			w.Output(id, 1, "test", []byte("running …\n"), false)
		} else if i == 1 {
			w.Begin(id, "")
			w.End(id, state.Cancelled, "cancelled by a person: wrong branch")
		}
	}
	w.Put((&state.AppServer{ID: "shop-000003.1", Instance: "shop", Build: "shop-000003", State: state.Healthy, Address: "127.1.0.3:8000", Provider: "process", Agent: "dev-1", CreatedAt: w.Now}).Put(),
		(&state.AppServer{ID: "shop-000001.1", Instance: "shop", Build: "shop-000001", State: state.Healthy, Address: "127.1.0.2:8000", Provider: "process", Agent: "dev-1", CreatedAt: w.Now.Add(-time.Hour)}).Put(),
		(&state.Active{Instance: "shop", AppServer: "shop-000003.1"}).Put())
	l, err := net.Listen("tcp", "127.0.0.1:8199")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for i := 0; i < 100000; i++ {
			time.Sleep(2 * time.Second)
			if w.Live("blog-000001") == nil {
				return
			}
			w.Output("blog-000001", 1, "test", []byte("tick "+time.Now().Format("15:04:05")+"\n"), false)
			if _, err := os.Stat("/tmp/look.end"); err == nil && w.Live("blog-000001") != nil {
				w.End("blog-000001", state.Succeeded, "")
				return
			}
		}
	}()
	t.Fatal(http.Serve(l, web.New(cfg)))
}
