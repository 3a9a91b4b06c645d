package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/view"
)

// numbered is a manifest whose AppServer answers the number of its build.
func numbered(t *testing.T, lines ...string) string {
	return appServer(t, "$WRIGHT_NUMBER", "", lines...)
}

// visitor asks for an instance again and again, as fast as is wanted, and
// compares what it hears: who has seen a version must not see an older one.
type visitor struct {
	host   string
	url    string
	client *http.Client

	mu     sync.Mutex // guards all below
	newest int        // version that an answer has brought
	asked  int
	wrong  []string
}

// visitors are one that keeps its connections and one that makes new ones.
func visitors(h *wrighttest.House, instance string) []*visitor {
	_, port, _ := strings.Cut(strings.TrimPrefix(h.Address, "http://"), ":")
	all := make([]*visitor, 2)
	for i := range all {
		all[i] = &visitor{host: instance + ".localhost:" + port, url: h.Address, client: &http.Client{
			Timeout: 2 * time.Minute, Transport: &http.Transport{DisableKeepAlives: i == 1, MaxIdleConnsPerHost: 100},
		}}
	}
	return all
}

// run asks 200 times a second until ctx ends, and waits for the last answer.
func (v *visitor) run(ctx context.Context) {
	var all sync.WaitGroup
	defer v.client.CloseIdleConnections()
	defer all.Wait()
	each := time.NewTicker(5 * time.Millisecond)
	defer each.Stop()
	for {
		select {
		case <-each.C:
			all.Go(v.ask)
		case <-ctx.Done():
			return
		}
	}
}

func (v *visitor) ask() {
	v.mu.Lock()
	before := v.newest
	v.asked++
	v.mu.Unlock()
	version, err := v.version()
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case err != nil:
		v.wrong = append(v.wrong, err.Error())
	case version < before:
		v.wrong = append(v.wrong, fmt.Sprintf("answer of version %d to a question asked after one of version %d", version, before))
	default:
		v.newest = max(v.newest, version)
	}
}

func (v *visitor) version() (int, error) {
	req, err := http.NewRequest(http.MethodGet, v.url, nil)
	if err != nil {
		return 0, err
	}
	req.Host = v.host
	resp, err := v.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return 0, errors.Join(fmt.Errorf("status %s: %.100s", resp.Status, body), err)
	}
	return strconv.Atoi(string(body))
}

func (v *visitor) seen() (newest, asked int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.newest, v.asked
}

func (v *visitor) check(t *testing.T) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	t.Logf("%d answers", v.asked)
	for _, w := range v.wrong[:min(len(v.wrong), 5)] {
		t.Errorf("one of %d wrong answers of %d: %s", len(v.wrong), v.asked, w)
	}
}

// TestSwitchesAreSeamless: a client that asks 200 times a second while other
// AppServers become active and one is terminated sees no error, and after an
// answer of a new version none of an older one, be its connections new or kept.
func TestSwitchesAreSeamless(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Dev("--slots", "2")
	h.Manifest("shop", numbered(t, "keep = 4"))
	h.AwaitState(h.Start("shop").ID, "succeeded")

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	all := visitors(h, "shop")
	var running sync.WaitGroup
	for _, v := range all {
		running.Go(func() { v.run(ctx) })
	}
	for n := 2; n <= 4; n++ {
		h.AwaitState(h.Start("shop").ID, "succeeded")
		for _, v := range all {
			h.Await(fmt.Sprintf("version %d to be seen for a while", n), func() bool {
				newest, asked := v.seen()
				return newest == n && asked >= 200*(n-1)
			})
		}
	}
	if r := h.Run("appserver", "terminate", "shop-000003.1"); r.Status != 0 {
		t.Errorf("terminate one that is not active: %d %s", r.Status, r.Err)
	}
	wantStates(t, h, "shop", "shop-000004.1 healthy active", "shop-000002.1 healthy", "shop-000001.1 healthy")
	stop()
	running.Wait()
	for _, v := range all {
		v.check(t)
	}
}

// states are the AppServers of an instance by ID, the active one marked.
func states(h *wrighttest.House, instance string) (all []string) {
	for _, a := range h.AppServers(instance) {
		state := a.ID + " " + a.State
		if a.Active {
			state += " active"
		}
		all = append(all, state)
	}
	return all
}

// wantStates waits until the AppServers of an instance are so, newest first.
func wantStates(t *testing.T, h *wrighttest.House, instance string, want ...string) {
	t.Helper()
	var got []string
	t.Cleanup(func() {
		if !slices.Equal(got, want) {
			t.Errorf("the AppServers of %s are %q, want %q", instance, got, want)
		}
	})
	h.Await(fmt.Sprintf("the AppServers of %s to be %q", instance, want), func() bool {
		got = states(h, instance)
		return slices.Equal(got, want)
	})
}

// files lists what is there of a pattern below the data of dev's only agent.
func files(h *wrighttest.House, pattern string) []string {
	found, _ := filepath.Glob(filepath.Join(h.Data, "agents", "dev-1", pattern))
	return found
}

// TestKeepIsHonoured: the active AppServer and the one before stay, the one
// before that is terminated and nothing of it is left, its database included;
// a persistent database stays the same for all.
func TestKeepIsHonoured(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Dev("--slots", "2")
	h.Manifest("shop", numbered(t, "keep = 2", "[[database]]", `provider = "sqlite"`, `name = "passing"`,
		"[[database]]", `provider = "sqlite"`, `name = "lasting"`, "persistent = true"))
	for range 3 {
		h.AwaitState(h.Start("shop").ID, "succeeded")
	}
	wantStates(t, h, "shop", "shop-000003.1 healthy active", "shop-000002.1 healthy")
	if got := files(h, "plugins/cloud-process/servers/*"); len(got) != 2 {
		t.Errorf("directories of servers: %q", got)
	}
	if got := databases(h); len(got) != 3 {
		t.Errorf("databases: %q", got)
	}
	h.TerminateAll()
	if got := databases(h); len(got) != 1 {
		t.Errorf("databases when all AppServers are gone: %q", got)
	}
}

// databases lists the database files of dev's only agent.
func databases(h *wrighttest.House) (all []string) {
	_ = filepath.WalkDir(filepath.Join(h.Data, "agents", "dev-1", "plugins"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".sqlite") {
			all = append(all, path)
		}
		return nil
	})
	return all
}

// TestUnhealthyAppServerFailsItsBuild: a build whose AppServer does not get
// healthy, or cannot be provisioned, fails and leaves nothing of it; the one
// before stays active.
func TestUnhealthyAppServerFailsItsBuild(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Dev("--slots", "2")
	h.Manifest("shop", numbered(t))
	h.AwaitState(h.Start("shop").ID, "succeeded")
	for _, bad := range []string{
		strings.Replace(numbered(t, `provision = "true"`), "30s", "1s", 1), // nothing runs
		strings.Replace(strings.Replace(numbered(t), "30s", "1s", 1), `"/"`, `"/missing"`, 1),
		appServer(t, "$WRIGHT_NUMBER", "exit 4"),
	} {
		h.Replace("shop", bad)
		h.AwaitState(h.Start("shop").ID, "failed")
		wantStates(t, h, "shop", "shop-000001.1 healthy active")
		if got := files(h, "plugins/cloud-process/servers/*"); len(got) != 1 {
			t.Errorf("directories of servers: %q", got)
		}
	}
	if status, body := h.Visit("shop"); status != 200 || body != "1" {
		t.Errorf("the old AppServer answers %d %q", status, body)
	}
}

// TestPeopleChooseAppServers: appserver activate goes back to an older one, the
// next build takes over again, deactivate and terminate end it, and the DNS
// provider follows.
func TestPeopleChooseAppServers(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	h.Dev("--slots", "2")
	h.Manifest("shop", numbered(t, "keep = 3", "[dns]", `provider = "hosts"`, `domain = "shop.example.test"`))
	h.AwaitState(h.Start("shop").ID, "succeeded")
	h.AwaitState(h.Start("shop").ID, "succeeded")
	leads := func(id string) {
		t.Helper()
		n := strings.TrimLeft(strings.TrimSuffix(strings.TrimPrefix(id, "shop-"), ".1"), "0")
		h.Await("requests to go to "+id, func() bool { _, body := h.Visit("shop"); return body == n })
		var a view.AppServer
		h.JSON(&a, "appserver", "show", id)
		host, _, _ := strings.Cut(a.Address, ":")
		if hosts := hostsFile(t, h); !a.Active || !strings.Contains(hosts, host+"\tshop.example.test") && !strings.Contains(hosts, host+" shop.example.test") {
			t.Errorf("%s: active %v, address %s, hosts file:\n%s", id, a.Active, a.Address, hosts)
		}
	}
	do := func(verb, id string) {
		t.Helper()
		if r := h.Run("appserver", verb, id); r.Status != 0 {
			t.Fatalf("appserver %s %s: %d %s", verb, id, r.Status, r.Err)
		}
	}
	leads("shop-000002.1")
	do("activate", "shop-000001.1")
	wantStates(t, h, "shop", "shop-000002.1 healthy", "shop-000001.1 healthy active")
	leads("shop-000001.1")
	h.AwaitState(h.Start("shop").ID, "succeeded")
	leads("shop-000003.1")
	do("deactivate", "shop-000003.1")
	wantStates(t, h, "shop", "shop-000003.1 healthy", "shop-000002.1 healthy", "shop-000001.1 healthy")
	wantAnswer(t, h, "shop", http.StatusServiceUnavailable, "")
	if hosts := hostsFile(t, h); strings.Contains(hosts, "shop.example.test") {
		t.Errorf("the name of a deactivated AppServer still leads to it:\n%s", hosts)
	}
	do("activate", "shop-000002.1")
	leads("shop-000002.1")
	do("terminate", "shop-000002.1")
	wantStates(t, h, "shop", "shop-000003.1 healthy", "shop-000001.1 healthy")
	if hosts := hostsFile(t, h); strings.Contains(hosts, "shop.example.test") {
		t.Errorf("the name of a terminated AppServer still leads to it:\n%s", hosts)
	}
	if got := files(h, "plugins/cloud-process/servers/*"); len(got) != 2 {
		t.Errorf("directories of servers: %q", got)
	}
	if r := h.Run("appserver", "activate", "shop-000002.1"); r.Status != 1 {
		t.Errorf("activating a terminated AppServer: status %d", r.Status)
	}
}

// hostsFile is what the DNS provider of dev's agents says.
func hostsFile(t *testing.T, h *wrighttest.House) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(h.Data, "hosts"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
