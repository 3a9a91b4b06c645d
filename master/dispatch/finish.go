package dispatch

import (
	"errors"
	"maps"
	"slices"
	"syscall"

	"github.com/wright-build/wright/master/logs"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// finishLogs makes output durable before the build that wrote it may end.
func (d *Dispatcher) finishLogs(s *session, updates []*agentv1.Update) {
	for _, u := range updates {
		if !buildState(u.GetState()).Final() {
			continue
		}
		if at, ok := d.wanted(u.GetBuild(), u.GetAttempt(), s.name); ok {
			d.finishLog(at)
			// gofail: var endUnheeded struct{}
		}
	}
}

// finishLog makes the output of an attempt durable. Where there is no room for that,
// it is done later.
func (d *Dispatcher) finishLog(at logs.Attempt) {
	err := d.Output.Finish(at)
	d.mu.Lock()
	defer d.mu.Unlock()
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		d.unfinished[at] = true
		return
	}
	delete(d.unfinished, at)
	if err != nil {
		d.Log.Error("finishing a log", "build", at.Build, "attempt", at.Attempt, "error", err)
	}
}

// finishAgain tries again what there was no room for.
func (d *Dispatcher) finishAgain() {
	d.mu.Lock()
	all := slices.Collect(maps.Keys(d.unfinished))
	d.mu.Unlock()
	for _, at := range all {
		d.finishLog(at)
	}
}

// finishLost ends the logs of attempts that were taken back.
func (d *Dispatcher) finishLost(m *moves) {
	for _, at := range m.lost {
		// gofail: var lossStored struct{}
		d.finishLog(at)
	}
}
