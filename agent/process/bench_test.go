package process

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
)

// BenchmarkForkExec is what the machine can do without a supervisor.
func BenchmarkForkExec(b *testing.B) {
	for b.Loop() {
		pid, err := syscall.ForkExec("/bin/true", []string{"true"}, &syscall.ProcAttr{Sys: &syscall.SysProcAttr{Setsid: true}})
		if err != nil {
			b.Fatal(err)
		}
		var ws syscall.WaitStatus
		syscall.Wait4(pid, &ws, 0, nil)
	}
}

func noop(dir, id string) Spec {
	return Spec{ID: id, Argv: []string{"/bin/true"}, Dir: dir, Output: filepath.Join(dir, "out")}
}

// BenchmarkStep runs one no-op step after the other.
func BenchmarkStep(b *testing.B) {
	c, dir := fresh(b)
	i := 0
	for b.Loop() {
		i++
		run(b, c, noop(dir, fmt.Sprint("s", i)))
	}
}

// BenchmarkStepParallel keeps 16 in flight.
func BenchmarkStepParallel(b *testing.B) {
	c, dir := fresh(b)
	var n atomic.Int64
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			id := fmt.Sprint("s", n.Add(1))
			run(b, c, noop(dir, id))
			c.Forget(b.Context(), id)
		}
	})
}
