package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/wright-build/wright/agent/process"
	"github.com/wright-build/wright/agent/workspace"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// hostFault is no verdict on what is built: the agent's host lacked something.
type hostFault struct {
	text string
	full bool // disk
}

func (h *hostFault) Error() string { return h.text }

// isHostFault says whether an attempt on another host may succeed.
func isHostFault(err error) bool {
	var h *hostFault
	return errors.As(err, &h) || slices.ContainsFunc(
		[]error{syscall.ENOSPC, syscall.EDQUOT, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.EROFS, syscall.EIO},
		func(e error) bool { return errors.Is(err, e) })
}

// DiskFull says whether something went wrong because the disk is full.
func DiskFull(err error) bool {
	var h *hostFault
	return errors.As(err, &h) && h.full || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// Unfit is the end of work that could not even be begun on this host.
func Unfit(w *agentv1.Work, why error) *agentv1.Update {
	r := record{Version: firstVersion()}
	r.end(why)
	r.State = r.Verdict
	return r.update(w)
}

// roomEvery is how often it is tried again to write on a full disk.
const roomEvery = time.Second

// whenRoom writes down what must not be lost, as soon as the disk has room for it.
func (a *Attempt) whenRoom(ctx context.Context, write func() error) error {
	for told := false; ; told = true {
		err := write()
		if !DiskFull(err) {
			return err
		}
		if !told {
			a.Log.Warn("the disk is full: waiting for room to write down how a build ended", "build", a.Build(), "error", err)
		}
		t := time.NewTimer(roomEvery)
		select {
		case <-t.C:
		case <-a.forget:
			return err
		case <-ctx.Done():
			t.Stop()
			return err
		}
	}
}

func isLost(err error) bool { return errors.Is(err, ErrLost) }

// judge is the verdict on a command: what the host lacked is not its failure.
func (a *Attempt) judge(c command, e process.Exit) error {
	err := verdict(c, e)
	if err == nil || e.Killed {
		return err
	}
	if e.OutOfMemory {
		return &hostFault{text: err.Error() + ": the host ran out of memory, and its kernel killed it"}
	}
	for _, dir := range []string{a.path("workspace"), os.TempDir()} {
		if full(dir) {
			return &hostFault{text: fmt.Sprintf("%s: the disk of the agent is full", err), full: true}
		}
	}
	return err
}

// leastFree is what a disk must have free, in bytes, not to count as full.
const leastFree = 1 << 20

// full says whether nothing more can be written below a directory.
func full(dir string) bool {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return false
	}
	return fs.Bavail*uint64(fs.Bsize) < leastFree || fs.Files > 0 && fs.Ffree == 0
}

// makeRoom gives up the workspace of an attempt that filled the disk, so that
// the verdict can be written down.
func (a *Attempt) makeRoom() {
	if err := errors.Join(workspace.Remove(a.path(temporary)), workspace.Remove(a.path("workspace"))); err != nil {
		a.Log.Error("making room on a full disk", "error", err)
	}
}

// verdict is what the end of a command says of it.
func verdict(c command, e process.Exit) error {
	switch {
	case e.Succeeded():
		return nil
	case e.StartError != "":
		return failed("step %s could not be started: %s", c.name, e.StartError)
	case e.TimedOut:
		return failed("step %s was ended after its timeout of %s", c.name, c.timeout)
	case e.Silent:
		return failed("step %s was ended: it had printed nothing for %s", c.name, c.silence)
	case e.Killed:
		return failed("step %s was ended: %s", c.name, e.Reason)
	case e.Signal != "":
		return failed("step %s was ended by signal %s", c.name, e.Signal)
	}
	return failed("step %s failed with exit status %d%s", c.name, e.Code, meaning(e.Code))
}

// meaning is what a shell says with an exit status.
func meaning(code int) string {
	switch {
	case code == 126:
		return ": a command in it cannot be executed"
	case code == 127:
		return ": a command in it was not found"
	case code > 128 && code < 128+65:
		return ": a command in it was ended by signal " + syscall.Signal(code-128).String()
	}
	return ""
}
