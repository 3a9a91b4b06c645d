package wrighttest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
)

// close ends the installation in good order and looks for what is left.
func (h *House) close() {
	h.StopAll()
	h.CheckNothingLeft()
	h.checkRaces()
	if h.t.Failed() {
		for _, p := range slices.Concat(h.processes, h.under) {
			h.t.Logf("what %s said:\n%s", p.Name, tail(p.Log(), 60))
		}
	}
	for _, pid := range h.Processes() { // a failed test must not leave them to the machine
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill()
		}
	}
	if h.network != nil {
		h.network.remove()
	}
}

// checkRaces fails for the races that the programs have seen in themselves.
func (h *House) checkRaces() {
	h.t.Helper()
	for _, p := range h.processes {
		if _, report, found := strings.Cut(p.Log(), "WARNING: DATA RACE"); found {
			h.t.Errorf("a data race in %s:%s", p.Name, report[:min(len(report), 4000)])
		}
	}
}

func tail(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// StopAll terminates all AppServers, then stops agents and masters.
func (h *House) StopAll() {
	h.t.Helper()
	running := slices.DeleteFunc(slices.Clone(h.processes), func(p *Process) bool { return !p.running() })
	if len(running) > 0 && !h.t.Failed() {
		h.TerminateAll()
	}
	for _, p := range slices.Backward(running) { // agents were started after their master
		p.Stop()
	}
	for _, p := range h.under {
		if p.running() {
			p.Kill()
		}
	}
}

// TerminateAll terminates all AppServers and waits until they are gone.
func (h *House) TerminateAll() {
	h.t.Helper()
	list := func(ctx context.Context, c *client.Client) ([]view.AppServer, error) {
		return c.AppServers(ctx, "", false)
	}
	all, err := Ask(h, list)
	if err != nil {
		h.t.Errorf("list the AppServers: %v", err)
		return
	}
	for _, a := range all {
		if a.State == "terminating" {
			continue
		}
		_, err := Ask(h, func(ctx context.Context, c *client.Client) (view.AppServer, error) {
			return c.Want(ctx, a.ID, "terminate")
		})
		if err != nil {
			h.t.Errorf("terminate %s: %v", a.ID, err)
		}
	}
	if !h.await(func() bool { all, err = Ask(h, list); return err == nil && len(all) == 0 }) {
		h.t.Errorf("AppServers are not gone: %+v, %v", all, err)
	}
}

// CheckNothingLeft looks for what a stopped installation must not leave:
// processes, directories of builds, AppServers, databases of builds.
func (h *House) CheckNothingLeft() {
	h.t.Helper()
	if !h.await(func() bool { return len(h.Processes()) == 0 }) {
		for _, pid := range h.Processes() {
			h.t.Errorf("process %d is left: %s", pid, CommandLine(pid))
		}
	}
	for _, kind := range []string{"builds", "plugins/cloud-process/servers"} {
		for _, root := range []string{h.Dir, h.Data} {
			left, _ := filepath.Glob(filepath.Join(root, "agents", "*", kind, "*"))
			for _, dir := range left {
				h.t.Errorf("%s is left", dir)
			}
		}
	}
}

// Processes lists the processes that have anything to do with the installation:
// its directory is in their command line, their environment, or is where they
// stand.
func (h *House) Processes() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		h.t.Error(err)
	}
	var found []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err == nil && pid != os.Getpid() && h.concerns(filepath.Join("/proc", e.Name())) {
			found = append(found, pid)
		}
	}
	return found
}

// CommandLine is the command line of a process, empty if it has ended.
func CommandLine(pid int) string {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return string(bytes.TrimSpace(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
}

// Size is how many bytes the files below a directory have.
func Size(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // it may just have been removed
		}
		if info, err := d.Info(); err == nil {
			size += info.Size()
		}
		return nil
	})
	return size
}

func (h *House) concerns(proc string) bool {
	if cwd, err := os.Readlink(filepath.Join(proc, "cwd")); err == nil && strings.HasPrefix(cwd+"/", h.Dir+"/") {
		return true
	}
	for _, name := range []string{"cmdline", "environ"} {
		if text, err := os.ReadFile(filepath.Join(proc, name)); err == nil && bytes.Contains(text, []byte(h.Dir+"/")) {
			return true
		}
	}
	return false
}
