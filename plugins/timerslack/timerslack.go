// Package timerslack lets the kernel gather the timers of a busy process. A Go
// process that comes and goes between work and rest has a thread that looks after
// the others every 20 microseconds; where many builds are short, those wakeups
// take a tenth of a machine. With a slack of a millisecond they come with what
// wakes the machine anyhow. What others wrote keeps the slack that is usual.
package timerslack

import "time"

const (
	// Wide is by how much the timers of Wright's own processes may be late.
	Wide = time.Millisecond
	// Usual is what a kernel gives to who does not ask.
	Usual = 50 * time.Microsecond
)
