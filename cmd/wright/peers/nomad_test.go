package peers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// nomad is a server of Nomad, which syncs to disk, and two clients with raw_exec
// and room for 16 tasks each. A build is a dispatch of a parameterized batch job, by
// the API's request that `nomad job dispatch` makes. What tasks print stays with the
// client that ran them, so there is no rate of output.
//
// It is written after the manual (agent configuration; API of jobs and nodes) and
// has not been run yet: there was no nomad where it was made.
type nomad struct {
	b        *testing.B
	address  string
	programs []*program
}

// taskMHz and taskMB are what a task asks for; a client says it has 16 times that.
const (
	taskMHz = 100
	taskMB  = 32
	slots   = 16
)

const serverConfig = `
data_dir = %q
name = "server"
bind_addr = "127.0.0.1"
disable_update_check = true
advertise {
  http = "127.0.0.1"
  rpc = "127.0.0.1"
  serf = "127.0.0.1"
}
ports {
  http = %s
  rpc = %s
  serf = %s
}
server {
  enabled = true
  bootstrap_expect = 1
}
`

const clientConfig = `
data_dir = %q
name = %q
bind_addr = "127.0.0.1"
disable_update_check = true
advertise {
  http = "127.0.0.1"
  rpc = "127.0.0.1"
  serf = "127.0.0.1"
}
ports {
  http = %s
}
client {
  enabled = true
  servers = ["127.0.0.1:%s"]
  network_interface = "lo"
  cpu_total_compute = %d
  memory_total_mb = %d
}
plugin "raw_exec" {
  config {
    enabled = true
  }
}
`

func startNomad(b *testing.B, fifo string) (system, string) {
	dir, port, rpc := b.TempDir(), freePort(b), freePort(b)
	s := &nomad{b: b, address: "http://127.0.0.1:" + port}
	s.startAgent(filepath.Join(dir, "server"), fmt.Sprintf(serverConfig, filepath.Join(dir, "server"), port, rpc, freePort(b)))
	await(b, "Nomad's leader", func() bool { var leader string; return s.get("/v1/status/leader", &leader) == nil && leader != "" }, s.programs...)
	for _, name := range []string{"one", "two"} {
		s.startAgent(filepath.Join(dir, name), fmt.Sprintf(clientConfig, filepath.Join(dir, name), name, freePort(b), rpc, slots*taskMHz, slots*taskMB))
	}
	await(b, "Nomad's clients", func() bool { return s.ready() == 2 }, s.programs...)
	s.register("noop", "/bin/true")
	s.register("tell", "/bin/sh", "-c", "echo runs >"+fifo)
	out, err := exec.Command(*nomadFlag, "version").Output()
	if err != nil {
		b.Fatal(err)
	}
	version, _, _ := strings.Cut(strings.TrimPrefix(string(out), "Nomad "), "\n")
	return s, version
}

func (s *nomad) startAgent(dir, config string) {
	file := filepath.Join(dir, "agent.hcl")
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = os.WriteFile(file, []byte(config), 0o600)
	}
	if err != nil {
		s.b.Fatal(err)
	}
	s.programs = append(s.programs, startProgram(s.b, dir, nil, *nomadFlag, "agent", "-config", file))
}

// ready is how many clients can run tasks.
func (s *nomad) ready() (n int) {
	var nodes []struct {
		Status  string
		Drivers map[string]struct{ Healthy bool }
	}
	if s.get("/v1/nodes", &nodes) != nil {
		return 0
	}
	for _, node := range nodes {
		if node.Status == "ready" && node.Drivers["raw_exec"].Healthy {
			n++
		}
	}
	return n
}

func (s *nomad) register(name, command string, args ...string) {
	type object = map[string]any
	never := object{"Attempts": 0, "Unlimited": false}
	task := object{
		"Name": name, "Driver": "raw_exec", "Config": object{"command": command, "args": args},
		"Resources": object{"CPU": taskMHz, "MemoryMB": taskMB}, "LogConfig": object{"MaxFiles": 1, "MaxFileSizeMB": 1},
	}
	group := object{
		"Name": name, "Count": 1, "Tasks": []object{task}, "EphemeralDisk": object{"SizeMB": 10},
		"RestartPolicy": object{"Attempts": 0, "Mode": "fail"}, "ReschedulePolicy": never,
	}
	job := object{
		"ID": name, "Name": name, "Type": "batch", "Datacenters": []string{"dc1"},
		"ParameterizedJob": object{"Payload": "optional"}, "TaskGroups": []object{group},
	}
	if err := s.post("/v1/jobs", object{"Job": job}); err != nil {
		s.b.Fatalf("register job %s: %v", name, err)
	}
}

func (s *nomad) get(path string, into any) error {
	return s.request(http.MethodGet, path, nil, into)
}

func (s *nomad) post(path string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return s.request(http.MethodPost, path, bytes.NewReader(text), nil)
}

func (s *nomad) request(method, path string, body io.Reader, into any) error {
	ctx, cancel := context.WithTimeout(s.b.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.address+path, body)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %.200s", method, path, resp.Status, text)
	}
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// dead is how many dispatches of a job have ended.
func (s *nomad) dead(job string) (n int) {
	var summary struct{ Children struct{ Dead int } }
	if err := s.get("/v1/job/"+job+"/summary", &summary); err != nil {
		s.b.Logf("%v", err)
	}
	return summary.Children.Dead
}

func (s *nomad) dispatch(job string) error {
	return s.post("/v1/job/"+job+"/dispatch", map[string]any{})
}

func (s *nomad) noOps(n int) {
	before := s.dead("noop")
	var all errgroup.Group
	all.SetLimit(2 * slots)
	for range n {
		all.Go(func() error { return s.dispatch("noop") })
	}
	if err := all.Wait(); err != nil {
		s.b.Fatalf("dispatch: %v", err)
	}
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for late := time.Now().Add(10 * time.Minute); s.dead("noop") < before+n; <-look.C {
		if time.Now().After(late) {
			s.b.Fatalf("the tasks do not end\n%s", s.programs[0].said())
		}
	}
}

func (s *nomad) log() bool { return false }

func (s *nomad) tell() func() {
	before := s.dead("tell")
	if err := s.dispatch("tell"); err != nil {
		s.b.Fatalf("dispatch: %v", err)
	}
	return func() {
		await(s.b, "the task's end", func() bool { return s.dead("tell") > before }, s.programs...)
	}
}

func (s *nomad) processes() (pids []int) {
	for _, p := range s.programs {
		pids = append(pids, p.cmd.Process.Pid)
	}
	return pids
}

func (s *nomad) stop() {
	for i := len(s.programs) - 1; i >= 0; i-- {
		s.programs[i].stop(s.b)
	}
}
