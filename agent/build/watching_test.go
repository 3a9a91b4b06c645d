package build

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/agent/autowatch"
	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/manifests"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// told is a master that takes reports.
type told struct {
	keeping
	reports []*agentv1.WatchReport // guarded by mu
}

func (m *told) Client() agentv1.AgentsClient { return m }

func (m *told) ReportWatches(_ context.Context, w *agentv1.WatchReport, _ ...grpc.CallOption) (*agentv1.WatchVerdict, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reports = append(m.reports, w)
	return &agentv1.WatchVerdict{Accepted: true}, nil
}

func (m *told) heardReports() []*agentv1.WatchReport {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.reports)
}

// gate is a repository whose server answers from when it is opened.
func gate(t *testing.T, r *gittest.Repo) (address string, open func()) {
	t.Helper()
	behind, err := url.Parse(r.ServeHTTP())
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan struct{})
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: behind.Host})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		select {
		case <-opened:
			proxy.ServeHTTP(w, q)
		case <-q.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + behind.Path, func() { close(opened) }
}

// depending is an attempt with auto-watch whose sources name another repository.
func depending(t *testing.T, master *told, dep string, steps ...string) (*Attempt, *gittest.Repo) {
	t.Helper()
	shop := gittest.New(t)
	shop.Commit("one", map[string]string{
		".gitmodules":      "[submodule \"gone\"]\n\tpath = gone\n\turl = " + dep + "\n\tbranch = sure\n",
		"requirements.txt": "a @ git+" + dep + "@side\nb @ git+" + dep + "@missing\n",
	})
	tools, _ := tools(t)
	tools.Master, tools.Supervisor = master, supervisor(t)
	w := work(steps...)
	w.AutoWatch, w.Source = true, &agentv1.Source{Vcs: "git", Url: shop.URL(), Branch: "main"}
	a, err := New(tools, filepath.Join(t.TempDir(), "shop-000001.1"), w)
	if err != nil {
		t.Fatal(err)
	}
	master.heard = func(u *agentv1.Update) { a.Acked(u.GetVersion()) }
	return a, shop
}

// parsed is what a report lists: URL, ref and revision.
func parsed(t *testing.T, w *agentv1.WatchReport) (all []string) {
	t.Helper()
	watches, err := manifests.ParseWatches("report", w.GetFile())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range watches {
		all = append(all, w.URL+" "+strings.TrimPrefix(w.Ref, "refs/heads/")+" "+w.Revision)
	}
	return all
}

// TestReports: what needs no asking is reported at once, the rest when remotes
// have answered, while the steps run.
func TestReports(t *testing.T) {
	dep := gittest.New(t)
	one := dep.Commit("one", nil)
	dep.Branch("sure")
	dep.Branch("side")
	side := dep.Commit("side", nil)
	address, open := gate(t, dep)
	proceed := filepath.Join(t.TempDir(), "go")
	master := &told{}
	a, shop := depending(t, master, address, fmt.Sprintf("while ! test -e %s; do sleep 0.01; done", proceed))
	done := make(chan error, 1)
	go func() { done <- a.Run(t.Context()) }()

	waitFor(t, "the first report", func() bool { return len(master.heardReports()) == 1 })
	source := shop.URL() + " main " + shop.Head()
	if got, want := parsed(t, master.heardReports()[0]), []string{address + " sure ", source}; !slices.Equal(got, want) {
		t.Errorf("the first report is %q, want %q", got, want)
	}
	open()
	waitFor(t, "the second report", func() bool { return len(master.heardReports()) == 2 })
	all := []string{address + " side " + side, address + " sure " + one, source}
	if got := parsed(t, master.heardReports()[1]); !slices.Equal(got, all) {
		t.Errorf("the second report is %q, want %q", got, all)
	}
	dep.Commit("later", nil) // the first answer stays
	gittest.Open(t, filepath.Dir(proceed)).Write(map[string]string{"go": ""})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	reports := master.heardReports()
	if len(reports) != 3 || reports[0].GetComplete() || reports[1].GetComplete() || !reports[2].GetComplete() {
		t.Fatalf("%d reports: %v", len(reports), reports)
	}
	if got := parsed(t, reports[2]); !slices.Equal(got, all) {
		t.Errorf("the last report is %q, want %q", got, all)
	}
	if log := master.log(); strings.Count(log, "has no branch or tag missing: not watched") != 1 || strings.Count(log, "warning: ") != 1 {
		t.Errorf("the log is\n%s", log)
	}
}

// TestReportsWithoutSource: a build that has no sources of its own and leaves
// nothing depends on what its steps fetched.
func TestReportsWithoutSource(t *testing.T) {
	dep := gittest.New(t)
	one := dep.Commit("one", nil)
	tools, _ := tools(t)
	master := &told{}
	tools.Master, tools.Supervisor = master, supervisor(t)
	w := work("git clone -q -b main " + dep.URL() + " $TMPDIR/dep; rm -rf $TMPDIR/dep")
	w.AutoWatch = true
	a := attempt(t, tools, w)
	master.heard = func(u *agentv1.Update) { a.Acked(u.GetVersion()) }
	if err := a.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	reports := master.heardReports()
	if len(reports) != 1 || !reports[0].GetComplete() {
		t.Fatalf("%d reports: %v", len(reports), reports)
	}
	if got, want := parsed(t, reports[0]), []string{dep.URL() + " main " + one}; !slices.Equal(got, want) {
		t.Errorf("the report is %q, want %q", got, want)
	}
}

// TestCancelledWhileAsking: a remote that does not answer holds up nobody who
// wants the build to end.
func TestCancelledWhileAsking(t *testing.T) {
	address, _ := gate(t, gittest.New(t))
	master := &told{}
	a, _ := depending(t, master, address, "sleep 1000")
	done := make(chan error, 1)
	go func() { done <- a.Run(t.Context()) }()
	waitFor(t, "the step", func() bool { return a.Update().GetPhase() == "step step1" })
	begin := time.Now()
	a.Cancel("enough", false)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
	if got := master.last().GetState(); got != agentv1.State_STATE_CANCELLED {
		t.Errorf("it is %v", got)
	}
}

// TestHastyReports: what was not read to the end takes nothing off the list.
func TestHastyReports(t *testing.T) {
	for name, tt := range map[string]struct {
		found *autowatch.Findings
		want  bool
	}{
		"all of it":    {&autowatch.Findings{}, true},
		"a part of it": {&autowatch.Findings{Hasty: true}, false},
		"nothing":      {nil, false},
	} {
		a, _ := depending(t, &told{}, gittest.New(t).URL(), "true")
		watch := manifests.Watch{VCS: "git", URL: "https://example.org/a.git", Ref: "refs/heads/main"}
		a.put(survey{found: tt.found, declared: []manifests.Watch{watch}}, nil, true)
		if w := a.reports.pending(); w.GetComplete() != tt.want || len(w.GetFile()) == 0 {
			t.Errorf("%s: %v", name, w)
		}
	}
}
