package process

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestUnderstood(t *testing.T) {
	for name, tt := range map[string]struct {
		hello message
		ok    bool
	}{
		"this release":                    {message{Version: wireVersion, Oldest: wireOldest}, true},
		"one that says nothing":           {message{}, true},
		"a newer one that knows this one": {message{Version: wireVersion + 1, Oldest: wireVersion}, true},
		"a newer one that does not":       {message{Version: wireVersion + 2, Oldest: wireVersion + 1}, false},
		"one that is older than old":      {message{Version: wireOldest - 1}, false},
		"the oldest that is understood":   {message{Version: wireOldest, Oldest: wireOldest}, true},
	} {
		if err := understood(tt.hello); (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// otherRelease answers in dir as a supervisor whose hello is this. With steps it
// stays; without, it ends when it is told that it is needed no more.
func otherRelease(t *testing.T, dir string, hello message, steps bool) {
	t.Helper()
	l, err := listenSocket(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	all.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { answerAs(t, nc, hello) })
			if !steps {
				os.Remove(filepath.Join(dir, socketName))
				l.Close()
			}
		}
	})
}

// answerAs greets, and answers whatever is asked until the other side goes.
func answerAs(t *testing.T, nc net.Conn, hello message) {
	p := newPipe(nc)
	var writing sync.WaitGroup
	writing.Go(p.write)
	defer writing.Wait()
	defer p.close()
	p.send(hello)
	for {
		m, err := p.receive()
		if err != nil {
			return
		}
		if m.Op != opLeave {
			t.Errorf("it was asked for %q", m.Op)
		}
		p.send(message{Seq: m.Seq})
	}
}

// A supervisor of a release that is not understood is refused at once while it
// has steps, and replaced when it has none.
func TestForeignSupervisor(t *testing.T) {
	foreign := message{Op: opHello, Version: wireVersion + 2, Oldest: wireVersion + 1}
	dir := t.TempDir()
	otherRelease(t, dir, foreign, true)
	_, err := Connect(t.Context(), dir, []string{"/bin/true"}, slog.New(slog.DiscardHandler))
	if !errors.Is(err, ErrForeign) {
		t.Errorf("one with steps: %v", err)
	}
	idle := t.TempDir()
	otherRelease(t, idle, foreign, false)
	t.Cleanup(func() {
		waitFor(t, "the supervisor to end", func() bool {
			_, err := os.Stat(filepath.Join(idle, socketName))
			return errors.Is(err, os.ErrNotExist)
		})
	})
	if e := run(t, connect(t, idle), sh(idle, "x", "exit 3")); e.Code != 3 {
		t.Errorf("one without steps was not replaced: %+v", e)
	}
}
