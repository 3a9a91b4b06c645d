package assign

import (
	"fmt"
	"testing"
	"time"

	"github.com/wright-build/wright/master/state"
)

// BenchmarkDecision is what one build costs from the queue to its end, at fleets
// of several sizes: 20 sets of capabilities, 50 instances, 5,000 builds waiting.
func BenchmarkDecision(b *testing.B) {
	for _, agents := range []int{10, 100, 1000, 5000} {
		b.Run(fmt.Sprintf("agents=%d", agents), func(b *testing.B) { decide(b, agents) })
	}
}

func decide(b *testing.B, agents int) {
	board := NewBoard()
	for n := range agents {
		name := fmt.Sprintf("a%04d", n)
		board.SetAgent(name, &state.Agent{Name: name, Slots: 4, Capabilities: []string{"linux", fmt.Sprintf("set %d.0", n%20)}}, true)
	}
	number := 0
	queue := func() {
		number++
		board.Put(queued(fmt.Sprintf("i%02d/%d", number%50, number), number/100, requires("linux", fmt.Sprintf("set = %d.0", number%min(agents, 20)))))
	}
	for range 5000 + 4*agents {
		queue()
	}
	now := epoch.Add(time.Hour)
	busy := board.Next(now, 4*agents)
	b.ResetTimer()
	for b.Loop() {
		board.Drop(busy[0].Build.ID)
		busy = busy[1:]
		queue()
		now = now.Add(time.Millisecond)
		next := board.Next(now, 60)
		if len(next) != 1 {
			b.Fatalf("one slot is free, and %d builds are assigned", len(next))
		}
		busy = append(busy, next[0])
	}
}
