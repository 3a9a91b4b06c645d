package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/onhost"
)

// startLimit is how long QEMU may take until it serves the server's ports.
const startLimit = 30 * time.Second

// ensure starts the daemon of a server unless it runs, with little memory.
func (n *now) ensure(ctx context.Context, dir string) error {
	err := onhost.Daemon{
		Name: plugins.BinaryName(plugins.Cloud, "qemu"), Dir: dir, Limit: startLimit, Env: []string{cookie(dir), "GOMAXPROCS=2", "GOGC=25", "GOMEMLIMIT=24MiB"},
	}.Ensure(ctx, &n.machines)
	if err != nil {
		return fmt.Errorf("qemu: %w", err)
	}
	return nil
}

// broken is why a server did not come up.
type broken struct{ err error }

func (b *broken) Error() string { return b.err.Error() }
func (b *broken) Unwrap() error { return b.err }

// ready waits until the server is up.
func ready(ctx context.Context, dir string, r record, limit time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	plugins.Report(ctx, "waiting for the server to boot", 0.5)
	if until(limited.Done(), 20*time.Millisecond, func() bool { return stateOf(dir, r) == cloud.Running }) {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	output, _ := onhost.LastOutput(filepath.Join(dir, consoleFile), 2000)
	complaints, _ := onhost.Tail(filepath.Join(dir, onhost.LogFile), 500)
	text := fmt.Sprintf("qemu: no SSH server greeted within %v", limit)
	if len(complaints) > 0 {
		text += "; QEMU said: " + string(complaints)
	}
	return &broken{plugins.Errorf(plugins.Unknown, "%s; the console ends with:\n%s", strings.ToValidUTF8(text, "?"), strings.ToValidUTF8(string(output), "?"))}
}

func stateOf(dir string, r record) string {
	if r.Deleting {
		return cloud.Deleting
	}
	return onhost.State(dir)
}

// end kills the daemon and its QEMU: nobody wants what is on the disk.
func end(ctx context.Context, dir string) error {
	gone := until(ctx.Done(), 5*time.Millisecond, func() bool { return killMarked(dir) && !onhost.IsLocked(filepath.Join(dir, onhost.LockFile)) })
	if !gone {
		return ctx.Err()
	}
	return nil
}
