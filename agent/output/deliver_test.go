package output

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestEveryByteOnce: whatever the far side does wrong and however often the
// agent is started again, in the end it has each part exactly.
func TestEveryByteOnce(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		run := 0
		rapid.Check(bubble{t}, func(rt *rapid.T) {
			run++
			script := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, int(faults)-1), func(n int) fault { return fault(n) }), 0, 25).Draw(rt, "faults")
			b := newBench(t, rt, fmt.Sprintf("%s/%d", dir, run), script)
			defer b.close()
			for range rapid.IntRange(1, 20).Draw(rt, "deeds") {
				b.deed()
			}
			b.finish()
		})
	})
}

// bubble hides that it is a *testing.T, whose deadline is not for bubbles.
type bubble struct{ *testing.T }

// bench is an agent's output and its far side.
type bench struct {
	rt     *rapid.T
	ctx    context.Context
	cancel context.CancelFunc
	dir    string
	far    *far
	master Dialer
	shut   func()
	output *Output
	closed chan struct{}
	done   chan error
	stop   context.CancelFunc
	parts  []*written
	random *rand.Rand
}

type written struct {
	path  string
	data  []byte
	ended bool
}

func newBench(t testing.TB, rt *rapid.T, dir string, script []fault) *bench {
	if err := os.Mkdir(dir, 0o700); err != nil {
		rt.Fatal(err)
	}
	b := &bench{rt: rt, dir: dir, far: newFar(t, script...), random: rand.New(rand.NewPCG(1, 2))}
	b.ctx, b.cancel = context.WithTimeout(t.Context(), time.Hour) // of the bubble's time
	b.master, b.shut = b.far.serve()
	b.start()
	return b
}

func (b *bench) close() {
	b.stop()
	b.cancel()
	b.shut()
	_ = os.RemoveAll(b.dir)
}

// start starts an agent process, maybe after another one.
func (b *bench) start() {
	b.output = New("shop-1", 1, b.dir, nil, quiet())
	for i, p := range b.parts {
		b.output.Begin(i, name(i))
		if p.ended {
			b.output.End(i)
		}
	}
	ctx, stop := context.WithCancel(b.ctx)
	output, closed, done := b.output, make(chan struct{}), make(chan error, 1)
	b.stop, b.closed, b.done = stop, closed, done
	go func() { done <- output.Deliver(ctx, b.master, closed) }()
}

func name(part int) string { return fmt.Sprintf("step %d", part) }

// deed is one thing that happens while output is delivered.
func (b *bench) deed() {
	switch rapid.SampledFrom([]string{"begin", "write", "write", "write", "write much", "end", "restart", "catch up"}).Draw(b.rt, "deed") {
	case "begin":
		if len(b.parts) < 5 {
			b.parts = append(b.parts, &written{path: b.output.Begin(len(b.parts), name(len(b.parts)))})
		}
	case "write":
		b.write(rapid.IntRange(0, 100).Draw(b.rt, "bytes"))
	case "write much":
		b.write(rapid.IntRange(chunkSize-1, 3*chunkSize).Draw(b.rt, "bytes"))
	case "end":
		if i, p := b.some(); p != nil {
			p.ended = true
			b.output.End(i)
		}
	case "restart":
		b.stop()
		<-b.done
		b.start()
	case "catch up":
		b.catchUp()
	}
}

// some draws a part that has not ended.
func (b *bench) some() (int, *written) {
	if len(b.parts) == 0 {
		return 0, nil
	}
	i := rapid.IntRange(0, len(b.parts)-1).Draw(b.rt, "part")
	if b.parts[i].ended {
		return 0, nil
	}
	return i, b.parts[i]
}

func (b *bench) write(n int) {
	_, p := b.some()
	if p == nil {
		return
	}
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(b.random.Uint32())
	}
	f, err := os.OpenFile(p.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		b.rt.Fatal(err)
	}
	if _, err := f.Write(data); err != nil {
		b.rt.Fatal(err)
	}
	_ = f.Close()
	p.data = append(p.data, data...)
}

// catchUp waits until the far side has all that was written. What it forgot it
// is only told again with the next byte: then it waits until all is quiet.
func (b *bench) catchUp() {
	b.far.mu.Lock()
	faulty := b.far.forgot || len(b.far.script) > 0
	b.far.mu.Unlock()
	if faulty {
		synctest.Wait()
		return
	}
	err := b.far.until(b.ctx, func() bool {
		for i, p := range b.parts {
			if b.far.size(int32(i)) < len(p.data) {
				return false
			}
		}
		return true
	})
	if err != nil {
		b.rt.Fatal(err)
	}
}

// finish ends all and compares.
func (b *bench) finish() {
	for i, p := range b.parts {
		p.ended = true
		b.output.End(i)
	}
	close(b.closed)
	select {
	case err := <-b.done:
		if err != nil {
			b.rt.Fatalf("deliver: %v", err)
		}
	case <-b.ctx.Done():
		b.rt.Fatal("the output is not delivered")
	}
	b.far.mu.Lock()
	defer b.far.mu.Unlock()
	for i, p := range b.parts {
		got := b.far.parts[int32(i)]
		switch {
		case len(p.data) == 0:
			if got != nil {
				b.rt.Errorf("part %d has no byte, and the far side was told of it", i)
			}
		case got == nil || !bytes.Equal(got.data, p.data):
			b.rt.Errorf("part %d: the far side has %d bytes, other ones than the %d written", i, b.far.size(int32(i)), len(p.data))
		case !got.ended || got.name != name(i):
			b.rt.Errorf("part %d %q: ended %v", i, got.name, got.ended)
		}
	}
}
