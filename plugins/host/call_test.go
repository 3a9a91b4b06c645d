package host

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func TestProcessDiesInACall(t *testing.T) {
	for _, how := range []string{"die", "panic"} {
		t.Run(how, func(t *testing.T) {
			h, logged := open(t, "good", nil)
			p := launch(t, h, "good")
			before := h.Plugins()[0].PID
			if _, err := p.Create(t.Context(), cloud.Spec{Token: how}); plugins.CodeOf(err) != plugins.Transient {
				t.Errorf("the call in flight gave %v", err)
			}
			eventually(t, "launched again", func() bool { _, err := p.List(t.Context(), nil); return err == nil })
			if after := h.Plugins()[0].PID; after == before || after == 0 {
				t.Errorf("process %d, then %d", before, after)
			}
			if how == "panic" && logged.count("ERROR panic: the provider is broken") != 1 {
				t.Errorf("the panic is not logged: %q", logged.list)
			}
		})
	}
}

func TestDeathFailsAllCallsInFlight(t *testing.T) {
	h, _ := open(t, "good", nil)
	p := launch(t, h, "good")
	errs := make(chan error)
	for range 8 {
		go func() { _, err := p.Create(t.Context(), cloud.Spec{Token: "hang"}); errs <- err }()
	}
	if _, err := p.List(t.Context(), nil); err != nil { // beside the hanging calls
		t.Error(err)
	}
	if err := syscall.Kill(h.Plugins()[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		// A call that had not been sent yet may have gone to the next process, which hangs too.
		select {
		case err := <-errs:
			if plugins.CodeOf(err) != plugins.Transient {
				t.Errorf("got %v", err)
			}
		case <-time.After(2 * time.Minute):
			t.Fatal("a call hangs")
		}
	}
}

func TestHangingCallsEnd(t *testing.T) {
	h, _ := open(t, "good", func(h *Host) { h.limits.call = 100 * time.Millisecond })
	p := launch(t, h, "good")
	_, err := p.Create(t.Context(), cloud.Spec{Token: "hang"})
	if !errors.Is(err, context.DeadlineExceeded) || plugins.CodeOf(err) != plugins.Transient {
		t.Errorf("without a deadline: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := p.Create(ctx, cloud.Spec{Token: "hang"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestLastWordIsHeard: at the caller's deadline the provider still says what it
// waited for.
func TestLastWordIsHeard(t *testing.T) {
	h, _ := open(t, "good", func(h *Host) { h.limits.call = time.Second })
	p := launch(t, h, "good")
	eventually(t, "heard", func() bool {
		_, err := p.Create(t.Context(), cloud.Spec{Token: "wait"})
		if plugins.CodeOf(err) != plugins.Transient {
			t.Fatalf("got %v", err)
		}
		return strings.Contains(err.Error(), "GET http://cloud.test/servers")
	})
}

func TestStoppedProcessIsKilled(t *testing.T) {
	h, logged := open(t, "good", func(h *Host) { h.limits.health = 200 * time.Millisecond })
	p := launch(t, h, "good")
	if _, err := p.Create(t.Context(), cloud.Spec{Token: "stop"}); plugins.CodeOf(err) != plugins.Transient {
		t.Errorf("the call gave %v", err)
	}
	if logged.count("ERROR plugin does not answer health checks") != 1 {
		t.Errorf("logged %q", logged.list)
	}
	eventually(t, "launched again", func() bool { _, err := p.List(t.Context(), nil); return err == nil })
}

func TestLogs(t *testing.T) {
	h, logged := open(t, "good", nil)
	p := launch(t, h, "good")
	if _, err := p.Create(t.Context(), cloud.Spec{Token: "log"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all three lines", func() bool {
		return logged.count("WARN provider speaks token=log") == 1 &&
			logged.count(`INFO {"@message":1`) == 1 && logged.count("INFO provider prints") == 1
	})
}

func TestFlood(t *testing.T) {
	h, logged := open(t, "good", nil)
	p := launch(t, h, "good")
	if _, err := p.Create(t.Context(), cloud.Spec{Token: "flood"}); err != nil {
		t.Fatal(err)
	}
	if n := logged.count("INFO xxx"); n == 0 || n > 4*maxLines {
		t.Errorf("%d lines of the flood were logged", n)
	}
	if logged.count("WARN plugin writes too much") == 0 {
		t.Error("nothing says that lines were dropped")
	}
}
