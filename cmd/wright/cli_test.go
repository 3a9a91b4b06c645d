package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

// The scripts in testdata are the manual of the command line: each opens with
// the sentence it proves. Beside the commands of testscript they have
//
//	dev [ARGS...]            start wright dev; the others find it by its file
//	inforce INSTANCE         wait until the manifest of an instance is in force
//	exits STATUS COMMAND...  run a command that must exit with a status
//	await REGEXP COMMAND...  run a command until its output matches
//	page PATH                write a page of the master to stdout
//	put FILE TEXT            write a file, with $NAME and \n of TEXT replaced
func TestScripts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			runTxtar(t, file)
		})
	}
}

// scriptTime is when a script that hangs is ended.
const scriptTime = 3 * time.Minute

// runTxtar runs a script against an installation of its own.
func runTxtar(t *testing.T, file string) {
	h := wrighttest.New(t)
	testscript.Run(t, testscript.Params{
		Files: []string{file}, Deadline: time.Now().Add(scriptTime),
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", wrighttest.Programs(t)+string(os.PathListSeparator)+e.Getenv("PATH"))
			for name, value := range map[string]string{
				"HOME": h.Dir, "XDG_STATE_HOME": filepath.Join(h.Dir, "state"), "MANIFESTS": h.Manifests, "DATA": h.Data,
				"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
				"GIT_AUTHOR_NAME": "ann", "GIT_AUTHOR_EMAIL": "ann@example.test",
				"GIT_COMMITTER_NAME": "ann", "GIT_COMMITTER_EMAIL": "ann@example.test",
			} {
				e.Setenv(name, value)
			}
			return nil
		},
		Cmds: scriptCommands(h),
	})
}

type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

func scriptCommands(h *wrighttest.House) map[string]scriptCommand {
	return map[string]scriptCommand{
		"dev": func(ts *testscript.TestScript, _ bool, args []string) {
			h.Dev(args...)
			ts.Setenv("ADDRESS", h.Address)
		},
		"inforce": func(ts *testscript.TestScript, _ bool, args []string) {
			until(ts, "the manifest of "+args[0], func() bool {
				i, err := h.Instance(args[0])
				return err == nil && i.InForce && len(i.Errors) == 0
			})
		},
		"exits": exits,
		"await": func(ts *testscript.TestScript, _ bool, args []string) {
			wanted := regexp.MustCompile("(?m)" + args[0])
			until(ts, args[0]+" in the output of "+strings.Join(args[1:], " "), func() bool {
				_ = ts.Exec(args[1], args[2:]...) // it may fail until it matches
				return wanted.MatchString(ts.ReadFile("stdout"))
			})
		},
		"page": func(ts *testscript.TestScript, _ bool, args []string) {
			ts.Check(writePage(ts.Stdout(), h.Address+args[0]))
		},
		"put": func(ts *testscript.TestScript, _ bool, args []string) {
			text := os.Expand(strings.ReplaceAll(args[1], `\n`, "\n"), ts.Getenv)
			ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
		},
	}
}

// until waits until holds says yes.
func until(ts *testscript.TestScript, what string, holds func() bool) {
	const patience = 40 * time.Second
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-look.C {
		if time.Now().After(deadline) {
			ts.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// exits runs a command that must exit with a status.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%s: %v", strings.Join(args[1:], " "), err)
	}
	if got != want {
		ts.Fatalf("%s exits with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

func writePage(to io.Writer, url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(to, resp.Body)
	return err
}
