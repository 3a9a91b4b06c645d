package api_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/master/api/apitest"
	"github.com/wright-build/wright/master/api/view"
)

// notices are those that wait; a test mail fails unless it goes to ops.
type notices []view.Notice

func (n notices) Notices() []view.Notice { return n }

func (n notices) Test(_ context.Context, to string) error {
	if to != "ops@example.test" {
		return errors.New("the mail server says 550")
	}
	return nil
}

// TestNotices: those that wait are listed; a master without any has an empty
// list; a test mail says what the mail server says.
func TestNotices(t *testing.T) {
	w := apitest.New(t)
	cfg := w.Config()
	for _, wanted := range []notices{nil, {{ID: "1", Channel: "mail", To: "ops@example.test", DueAt: time.Unix(1, 0).UTC(), Error: "away"}}} {
		if wanted != nil {
			cfg.Notices = wanted
		}
		c := clientOf(t, cfg)
		if all, err := c.Notices(t.Context()); err != nil || all == nil || len(all) != len(wanted) || len(all) == 1 && all[0] != wanted[0] {
			t.Errorf("listed %+v, %v", all, err)
		}
		for to, want := range map[string]string{"ops@example.test": "", "ann@example.test": "550", "ops": "is no mail address"} {
			if wanted == nil {
				want = "tells nobody"
			}
			if err := c.TestMail(t.Context(), to); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("a test to %s: %v", to, err)
			}
		}
	}
}
