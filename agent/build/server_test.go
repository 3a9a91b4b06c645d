package build

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/wright-build/wright/agent/appserver"
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// talkative is a cloud that says how far it is, and then fails.
type talkative struct {
	appserver.Providers
	cloud.Provider
	console string
	err     error // of the console
}

func (c *talkative) Cloud(context.Context, string) (cloud.Provider, error) { return c, nil }

func (c *talkative) Create(ctx context.Context, _ cloud.Spec) (*cloud.Server, error) {
	plugins.Report(ctx, "waiting for the server to boot", 0.4)
	return nil, errors.New("it did not boot")
}

func (c *talkative) Console(context.Context, string) ([]byte, error) { return []byte(c.console), c.err }

// TestLogOfASpawnThatFails: it tells how far the cloud was, and what the server
// wrote, if that can be had.
func TestLogOfASpawnThatFails(t *testing.T) {
	for name, tt := range map[string]struct {
		console string
		err     error
		want    string // after the progress
	}{
		"a console":      {"one\r\n\x1b[31mtwo\n\n", nil, "the last output of AppServer shop-000001.1:\n| one\n|  [31mtwo\n"},
		"an empty one":   {" \n", nil, ""},
		"a long one":     {strings.Repeat("x", maxConsole) + "\nend", nil, "the last output of AppServer shop-000001.1:\n| " + strings.Repeat("x", maxConsole-4) + "\n| end\n"},
		"no server":      {"", plugins.Errorf(plugins.NotFound, "none"), ""},
		"no consoles":    {"", plugins.Errorf(plugins.Unsupported, "none"), ""},
		"a broken cloud": {"", errors.New("odd"), ""},
	} {
		tools, _ := tools(t)
		tools.Keeper = func(context.Context) (*appserver.Keeper, error) {
			return &appserver.Keeper{Providers: &talkative{console: tt.console, err: tt.err}}, nil
		}
		w := work()
		w.Appserver = &agentv1.AppServer{Id: "shop-000001.1", Cloud: "moon"}
		a := attempt(t, tools, w)
		if err := a.appserver(t.Context(), map[string]string{}); err == nil || !strings.Contains(err.Error(), "it did not boot") {
			t.Errorf("%s: %v", name, err)
		}
		got, err := os.ReadFile(a.output.Begin(0, "wright"))
		if want := "moon: waiting for the server to boot (40%)\n" + tt.want; err != nil || string(got) != want {
			t.Errorf("%s: %.300q, %v; want %.300q", name, got, err, want)
		}
	}
}
