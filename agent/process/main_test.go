package process

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain makes the test binary the supervisor too, as the real program is.
func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == "internal-supervise" {
		linger, _ := time.ParseDuration(os.Args[3])
		if err := Supervise(os.Args[2], linger); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const testLinger = 300 * time.Millisecond

func connect(t testing.TB, dir string) *Client {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	c, err := Connect(t.Context(), dir, []string{os.Args[0], "internal-supervise", dir, testLinger.String()}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// fresh connects to a new supervisor and waits for its end when the test is over.
func fresh(t testing.TB) (*Client, string) {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		waitFor(t, "the supervisor to end", func() bool {
			_, err := os.Stat(filepath.Join(dir, socketName))
			return os.IsNotExist(err)
		})
	})
	return connect(t, dir), dir
}

// sh is a step that runs script.
func sh(dir, id, script string) Spec {
	return Spec{
		ID: id, Argv: []string{"/bin/sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}, Dir: dir,
		Output: filepath.Join(dir, id+".out"), Result: filepath.Join(dir, id+".json"), Grace: time.Second,
	}
}

func start(t testing.TB, c *Client, spec Spec) {
	t.Helper()
	if err := c.Start(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
}

func wait(t testing.TB, c *Client, id string) Exit {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	exit, err := c.Wait(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return exit
}

func run(t testing.TB, c *Client, spec Spec) Exit {
	t.Helper()
	start(t, c, spec)
	return wait(t, c, spec.ID)
}

func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
		<-tick.C
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// pidIn waits for a script to have written a process ID into a file.
func pidIn(t testing.TB, path string) int {
	t.Helper()
	var pid int
	waitFor(t, path, func() bool {
		data, _ := os.ReadFile(path)
		text, whole := strings.CutSuffix(string(data), "\n")
		var err error
		pid, err = strconv.Atoi(text)
		return whole && err == nil
	})
	return pid
}

func alive(pid int) bool {
	p, err := readProc(pid)
	return err == nil && !p.zombie
}

// supervisorPid finds the supervisor by its command line.
func supervisorPid(t testing.TB, dir string) int {
	t.Helper()
	procs, err := allProcs()
	if err != nil {
		t.Fatal(err)
	}
	for pid := range procs {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if strings.Contains(string(line), "internal-supervise\x00"+dir+"\x00") {
			return pid
		}
	}
	t.Fatal("no supervisor runs")
	return 0
}

func killSupervisor(t testing.TB, dir string) {
	t.Helper()
	if err := syscall.Kill(supervisorPid(t, dir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func resultFile(t testing.TB, path string) Exit {
	t.Helper()
	var e Exit
	if err := json.Unmarshal([]byte(read(t, path)), &e); err != nil {
		t.Fatal(err)
	}
	return e
}
