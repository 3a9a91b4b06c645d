package agent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/wright-build/wright/agent/build"
	"github.com/wright-build/wright/agent/rest"
	"github.com/wright-build/wright/agent/room"
	"github.com/wright-build/wright/agent/workspace"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

const (
	tendEvery  = 10 * time.Second // the disk is looked at
	sweepEvery = 10 * time.Minute // what is too old is looked for
	leftAge    = time.Hour        // a directory that no attempt holds is nobody's then
)

// tend keeps the agent's directory within its bounds, and says when its disk has
// no room for another build.
func (a *Agent) tend(ctx context.Context) {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	a.tidy(time.Now())
	for swept := time.Now(); ; {
		select {
		case now := <-tick.C:
			if now.Sub(swept) >= sweepEvery {
				a.tidy(now)
				swept = now
			}
			a.watchRoom()
		case <-ctx.Done():
			return
		}
	}
}

// restAfter is how long an agent has had nothing to build when it gives memory back,
// and removes what only saves the next build time.
const restAfter = 2 * time.Second

// rest does so whenever there is nothing to build.
func (a *Agent) rest(ctx context.Context) {
	calm := time.NewTimer(restAfter)
	defer calm.Stop()
	for {
		select {
		case <-a.idle:
			calm.Reset(restAfter)
		case <-calm.C:
			if len(a.holds()) > 0 {
				continue // its end comes
			}
			a.clearSpares()
			if err := rest.Now(); err != nil {
				a.cfg.Log.Debug("giving memory back", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

func (a *Agent) clearSpares() {
	if err := a.spares.Clear(); err != nil {
		a.cfg.Log.Error("removing spare directories", "error", err)
	}
}

// tidy removes what is kept too long: what was fetched long ago, and what could
// not be removed before.
func (a *Agent) tidy(now time.Time) {
	err := a.cache.Sweep(now)
	dirs, listed := os.ReadDir(filepath.Join(a.cfg.Data, "builds"))
	for _, d := range dirs {
		info, gone := d.Info()
		if gone != nil || now.Sub(info.ModTime()) < leftAge || a.holdsDir(d.Name()) {
			continue
		}
		err = errors.Join(err, workspace.Remove(filepath.Join(a.cfg.Data, "builds", d.Name())))
	}
	if err = errors.Join(err, listed); err != nil {
		a.cfg.Log.Error("tidying up", "error", err)
	}
}

// watchRoom closes the agent when its disk is nearly full, and opens it again
// when it is not. What nobody needs goes first.
func (a *Agent) watchRoom() {
	space, err := room.Look(a.cfg.Data)
	if err != nil {
		a.cfg.Log.Error("looking at the disk", "error", err)
		return
	}
	was := a.closedBy() != ""
	if a.full(was, space) {
		if space, err = a.makeRoom(space); err != nil {
			a.cfg.Log.Error("making room on the disk", "error", err)
		}
	}
	if full := a.full(was, space); full != was {
		a.closeFor(full, space)
	}
}

// full says whether there is no room for another build. An agent may be told never
// to keep any free, and finds out only when there is none.
func (a *Agent) full(was bool, s room.Space) bool {
	return a.cfg.MinFree.Full(was, s) || was && s.Free < room.Least(s.Total)
}

// notice closes the agent at once when an error says that its disk is full, so that
// it is not given the same build again.
func (a *Agent) notice(err error) {
	if !build.DiskFull(err) || a.closedBy() != "" {
		return
	}
	space, err := room.Look(a.cfg.Data)
	if err != nil {
		a.cfg.Log.Error("looking at the disk", "error", err)
	}
	a.closeFor(true, space)
}

// makeRoom removes what nobody needs until the disk is above the high mark.
func (a *Agent) makeRoom(space room.Space) (room.Space, error) {
	enough := func() bool {
		if now, err := room.Look(a.cfg.Data); err == nil {
			space = now
		}
		return space.Free >= max(a.cfg.MinFree.High(space.Total), room.Least(space.Total))
	}
	err := a.spares.Clear()
	if !enough() {
		err = errors.Join(err, a.cache.Clear(enough))
	}
	enough()
	return space, err
}

// closeFor takes no more work, or takes some again, and says so.
func (a *Agent) closeFor(full bool, space room.Space) {
	why := ""
	if full {
		why = "its disk is nearly full: " + space.String()
		a.cfg.Log.Warn("taking no more builds: the disk is nearly full", "free", room.Bytes(space.Free), "of", room.Bytes(space.Total))
	} else {
		a.cfg.Log.Info("taking builds again: the disk has room", "free", room.Bytes(space.Free))
	}
	a.mu.Lock()
	a.closed = why
	a.mu.Unlock()
	a.link.answer(&agentv1.FromAgent{Message: &agentv1.FromAgent_Hello{Hello: a.offer()}})
}

// closedBy is why no more work is taken, "" if some is.
func (a *Agent) closedBy() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.closed
}

// holdsDir says whether a directory belongs to an attempt.
func (a *Agent) holdsDir(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k := range a.attempts {
		if k.dir() == name {
			return true
		}
	}
	return false
}
