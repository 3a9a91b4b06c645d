package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// demo is one run of the demo.
type demo struct {
	dir     string // everything it makes
	wright  string // the program
	address string // of wright dev
}

// patience is how long anything may take before the demo gives up; the first
// build compiles the shop.
const patience = 3 * time.Minute

// startDev starts wright dev and waits until it is ready. stop ends the
// AppServers and then wright dev itself.
func (d *demo) startDev(ctx context.Context, listen string) (stop func() error, err error) {
	logFile, err := os.Create(filepath.Join(d.dir, "dev.log"))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(d.wright, "dev", "--data", filepath.Join(d.dir, "data"), "--manifests", filepath.Join(d.dir, "manifests"),
		"--listen", listen, "--poll", "1s")
	cmd.Stderr = logFile
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the demo: it ends wright dev in good order
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s (make build makes it): %w", d.wright, err)
	}
	stop = func() error { return errors.Join(d.endAppServers(), end(cmd), logFile.Close()) }
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
			d.address, _, _ = strings.Cut(address, " ")
			d.tick("ready at %s", d.address)
			return stop, nil
		}
	}
	said, _ := os.ReadFile(logFile.Name())
	return nil, errors.Join(fmt.Errorf("wright dev did not get ready:\n%s", said), stop())
}

// end stops a process as Ctrl-C would.
func end(cmd *exec.Cmd) error {
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(15 * time.Second):
		return errors.Join(errors.New("wright dev did not stop within 15 s"), cmd.Process.Kill())
	}
}

// endAppServers terminates all that the demo brought up, and waits until they
// are gone.
func (d *demo) endAppServers() error {
	if d.address == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var all []appServer
	if err := d.ask(ctx, &all, "appserver", "list"); err != nil {
		return err
	}
	for _, a := range all {
		if a.State != "terminated" && a.State != "terminating" {
			if _, err := d.run(ctx, "appserver", "terminate", a.ID); err != nil {
				return err
			}
		}
	}
	return d.await(ctx, "the AppServers to be gone", func() (bool, error) {
		var left []appServer
		err := d.ask(ctx, &left, "appserver", "list")
		live := 0
		for _, a := range left {
			if a.State != "terminated" {
				live++
			}
		}
		return live == 0, err
	})
}

// run runs wright and returns what it prints.
func (d *demo) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, d.wright, append([]string{"--address", d.address}, args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("wright %s: %w\n%s", strings.Join(args, " "), err, errs.Bytes())
	}
	return out, nil
}

// ask runs wright with -o json and reads what it prints.
func (d *demo) ask(ctx context.Context, v any, args ...string) error {
	out, err := d.run(ctx, append(args, "-o", "json")...)
	if err != nil {
		return err
	}
	return json.Unmarshal(out, v)
}

// await waits until holds says yes.
func (d *demo) await(ctx context.Context, what string, holds func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		ok, err := holds()
		if ok || err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		}
	}
}

func (d *demo) say(text string)              { fmt.Printf("\n%s\n", text) }
func (d *demo) note(format string, a ...any) { fmt.Printf("    "+format+"\n", a...) }
func (d *demo) tick(format string, a ...any) { fmt.Printf("  ✓ "+format+"\n", a...) }
func (d *demo) quote(command string, out []byte) {
	fmt.Printf("    $ %s\n", command)
	for line := range strings.Lines(string(out)) {
		fmt.Printf("      %s", line)
	}
}
