// Package process runs the steps of builds so that they survive the agent.
//
// One small supervisor process per agent starts the steps, each as the leader
// of its own session, enforces their deadlines, reaps their whole trees and
// writes their verdicts. The agent talks to it over a unix socket and may die,
// come back and take its steps up again. This package knows processes and
// files; it does not know builds, masters, or what a step means.
package process

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// DefaultGrace is the time between SIGTERM and SIGKILL when a Spec has none.
const DefaultGrace = 5 * time.Second

// Errors that callers tell apart.
var (
	// ErrSupervisorLost is returned by Wait when the supervisor died while the
	// step ran and left no verdict. What remained of the step has been killed.
	ErrSupervisorLost = errors.New("process: the supervisor died while the step ran")
	// ErrUnknownStep is returned for an ID that was never started or was forgotten.
	ErrUnknownStep = errors.New("process: unknown step")
	// ErrClosed is returned by every call after Close.
	ErrClosed = errors.New("process: client closed")
	// ErrForeign is returned by Connect when a supervisor of another release runs
	// steps that this release cannot take up.
	ErrForeign = errors.New("process: the supervisor is of a release that this one does not work with")
)

// Spec says what to run. Everything but ID and Argv may be left empty. A Result
// file is for other readers: the supervisor's own journal keeps what was started
// and how it ended, and costs less than a file per step.
type Spec struct {
	ID       string        // unique for ever; the same ID is never started twice
	Argv     []string      // Argv[0] without a slash is looked up in the PATH of Env
	Env      []string      // the whole environment ("K=V"), two cookies of ours are added
	Dir      string        // working directory; default "/"
	Output   string        // file that stdout and stderr are appended to; default /dev/null
	Result   string        // file that receives the Exit as JSON, atomically, when the step ends; default none
	Deadline time.Time     // when the supervisor ends the step; zero means never
	Silence  time.Duration // without output for so long the supervisor ends the step; zero means never
	Grace    time.Duration // between SIGTERM and SIGKILL; default DefaultGrace
}

// maxID bounds the ID of a step, in bytes.
const maxID = 500

func (s Spec) check() error {
	if s.ID == "" || len(s.ID) > maxID || !utf8.ValidString(s.ID) || strings.ContainsRune(s.ID, 0) {
		return fmt.Errorf("its ID must be text of 1 to %d bytes", maxID)
	}
	if len(s.Argv) == 0 {
		return errors.New("it has no command")
	}
	return nil
}

// Exit is the verdict on one step.
type Exit struct {
	ID          string
	Code        int    // exit status; -1 when a signal ended it or it never started
	Signal      string // name of the signal that ended it, like "killed"
	TimedOut    bool   // its Deadline passed
	Silent      bool   // it had printed nothing for the length of its Silence
	Killed      bool   // Kill was called, one of the two, or the supervisor was told to stop
	OutOfMemory bool   // the kernel killed something for want of memory while it ran, it seems this
	Reason      string // why it was killed
	StartedAt   time.Time
	FinishedAt  time.Time
	StartError  string // why it could not be started, like "no such file or directory"
}

// Succeeded reports whether the step ran to its end and exited with status 0.
func (e Exit) Succeeded() bool {
	return e.Code == 0 && e.Signal == "" && e.StartError == "" && !e.Killed
}
