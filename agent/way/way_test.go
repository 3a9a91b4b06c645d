package way

import (
	"errors"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestWayTurns(t *testing.T) {
	w, err := New("http://a:1, http://b:1,http://c:1", "")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	away := &awayError{status.Error(codes.Unavailable, "the master at http://z:1 leads"), "http://z:1"}
	for i, step := range []struct {
		err  error
		want string
	}{
		{errors.New("gone"), "http://b:1"},
		{away, "http://z:1"},
		{ErrAgain, "http://z:1"},
		{errors.New("gone"), "http://c:1"}, // where it was before it was sent elsewhere
		{errors.New("gone"), "http://a:1"},
	} {
		if err := w.next(step.err); err != nil || w.Address() != step.want {
			t.Errorf("step %d: after %v the way leads to %s, want %s (%v)", i, step.err, w.Address(), step.want, err)
		}
	}
	if fatal(away) {
		t.Error("that another master leads is no reason to give up")
	}
}

// TestTokenStaysHidden: no master makes an agent show its token in clear that did
// not before.
func TestTokenStaysHidden(t *testing.T) {
	w, err := New("https://a:1", "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, leader := range []string{"http://b:1", "", "ftp://b:1", "b:1"} {
		if err := w.turnTo(leader); err == nil || w.Address() != "https://a:1" {
			t.Errorf("sent to %q: the way leads to %s, %v", leader, w.Address(), err)
		}
	}
	if err := w.turnTo("https://b:1"); err != nil || w.Address() != "https://b:1" {
		t.Errorf("the way leads to %s, %v", w.Address(), err)
	}
}
