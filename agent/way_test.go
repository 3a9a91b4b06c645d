package agent

import (
	"errors"
	"log/slog"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestWayTurns(t *testing.T) {
	l, err := newLink(Config{Address: "http://a:1, http://b:1,http://c:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	a := &Agent{link: l, cfg: Config{Log: slog.New(slog.DiscardHandler)}}
	away := &awayError{status.Error(codes.Unavailable, "the master at http://z:1 leads"), "http://z:1"}
	for i, step := range []struct {
		err  error
		want string
	}{
		{errors.New("gone"), "http://b:1"},
		{away, "http://z:1"},
		{errAgain, "http://z:1"},
		{errors.New("gone"), "http://c:1"}, // where it was before it was sent elsewhere
		{errors.New("gone"), "http://a:1"},
	} {
		if a.turn(step.err); l.way.address() != step.want {
			t.Errorf("step %d: after %v the way leads to %s, want %s", i, step.err, l.way.address(), step.want)
		}
	}
	if fatal(away) {
		t.Error("that another master leads is no reason to give up")
	}
}

// TestTokenStaysHidden: no master makes an agent show its token in clear that did
// not before.
func TestTokenStaysHidden(t *testing.T) {
	l, err := newLink(Config{Address: "https://a:1", Token: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	for _, leader := range []string{"http://b:1", "", "ftp://b:1", "b:1"} {
		if err := l.way.turnTo(leader); err == nil || l.way.address() != "https://a:1" {
			t.Errorf("sent to %q: the way leads to %s, %v", leader, l.way.address(), err)
		}
	}
	if err := l.way.turnTo("https://b:1"); err != nil || l.way.address() != "https://b:1" {
		t.Errorf("the way leads to %s, %v", l.way.address(), err)
	}
}
