package wrighttest

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
)

// Start starts a build of an instance.
func (h *House) Start(instance string) view.Build {
	h.t.Helper()
	return must(h, func(ctx context.Context, c *client.Client) (view.Build, error) {
		return c.StartBuild(ctx, client.Start{Instance: instance})
	})
}

// Build is a build as the master has it. The master may be away for a while.
func (h *House) Build(id string) (b view.Build, err error) {
	return Ask(h, func(ctx context.Context, c *client.Client) (view.Build, error) { return c.Build(ctx, id) })
}

// Instance is an instance as the master has it.
func (h *House) Instance(name string) (view.Instance, error) {
	return Ask(h, func(ctx context.Context, c *client.Client) (view.Instance, error) { return c.Instance(ctx, name) })
}

// Builds lists the builds of an instance, the newest first.
func (h *House) Builds(instance string) []view.Build {
	h.t.Helper()
	return must(h, func(ctx context.Context, c *client.Client) ([]view.Build, error) {
		return c.Builds(ctx, instance, "", 1000)
	})
}

// Watches lists the watches of an instance by URL.
func (h *House) Watches(instance string) map[string]view.Watch {
	h.t.Helper()
	all := map[string]view.Watch{}
	for _, w := range must(h, func(ctx context.Context, c *client.Client) ([]view.Watch, error) { return c.Watches(ctx, instance) }) {
		all[w.URL] = w
	}
	return all
}

// AppServers lists the AppServers of an instance that are not gone, the newest
// first.
func (h *House) AppServers(instance string) []view.AppServer {
	h.t.Helper()
	return must(h, func(ctx context.Context, c *client.Client) ([]view.AppServer, error) {
		return c.AppServers(ctx, instance, false)
	})
}

// AwaitEnd waits until a build has ended.
func (h *House) AwaitEnd(id string) (b view.Build) {
	h.t.Helper()
	h.Await("the end of "+id, func() bool {
		b, _ = h.Build(id)
		return b.Ended()
	})
	return b
}

// AwaitState waits until a build is in a state, and fails when it ends in
// another one.
func (h *House) AwaitState(id, state string) (b view.Build) {
	h.t.Helper()
	h.Await(id+" to be "+state, func() bool {
		b, _ = h.Build(id)
		if b.Ended() && b.State != state {
			h.t.Fatalf("%s is %s, want %s: %s\n%s", id, b.State, state, b.Error, h.WholeLog(id))
		}
		return b.State == state
	})
	return b
}

// AwaitPhase waits until a build is in a phase, like "step test".
func (h *House) AwaitPhase(id, phase string) (b view.Build) {
	h.t.Helper()
	h.Await(id+" to be at "+phase, func() bool {
		b, _ = h.Build(id)
		if b.Ended() {
			h.t.Fatalf("%s ended before it was at %s: it is %s: %s", id, phase, b.State, b.Error)
		}
		return b.Phase == phase
	})
	return b
}

// Log is the output of a build's steps.
func (h *House) Log(id string) string {
	h.t.Helper()
	return must(h, func(ctx context.Context, c *client.Client) (string, error) {
		return readLog(ctx, c, id, client.LogQuery{})
	})
}

// WholeLog is the output of a build with what Wright itself says, or why it
// cannot be had.
func (h *House) WholeLog(id string) string {
	text, err := Ask(h, func(ctx context.Context, c *client.Client) (string, error) {
		return readLog(ctx, c, id, client.LogQuery{All: true})
	})
	if err != nil {
		return err.Error()
	}
	return text
}

func readLog(ctx context.Context, c *client.Client, id string, q client.LogQuery) (string, error) {
	out, err := c.Log(ctx, id, q)
	if err != nil {
		return "", err
	}
	defer out.Close()
	text, err := io.ReadAll(out)
	return string(text), err
}

// AllWatches lists the watches of every instance; none while the master is away.
func (h *House) AllWatches() []view.Watch {
	all, _ := Ask(h, func(ctx context.Context, c *client.Client) ([]view.Watch, error) { return c.Watches(ctx, "") })
	return all
}

// callTime bounds one question to one master, which may sleep.
const callTime = 10 * time.Second

// Call asks the master at an address, and no other, something of its API.
func (h *House) Call(method, address, path, body string) (status int, header http.Header, text []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if h.token != "" {
		req.Header.Set("Authorization", "Bearer "+h.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, text, err
}
