package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// broken is why a server did not come up.
type broken struct{ err error }

func (b *broken) Error() string { return b.err.Error() }
func (b *broken) Unwrap() error { return b.err }

const (
	firstPause = 50 * time.Millisecond
	lastPause  = 3 * time.Second
)

// ready waits until a server can be provisioned. An error that is broken says
// that it never will.
func (s *session) ready(ctx context.Context, id int64, o options) (*cloud.Server, error) {
	limited, cancel := context.WithTimeout(ctx, time.Duration(o.BootTimeout))
	defer cancel()
	m, err := s.running(limited, id)
	if err == nil && *o.WaitPort != 0 {
		at := net.JoinHostPort(m.address(), strconv.Itoa(*o.WaitPort))
		plugins.Report(ctx, "waiting for "+at, 0.8)
		err = answers(limited, at)
	}
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		// Without the context's error in it, which would look like the caller's own.
		err = &broken{plugins.Errorf(plugins.Unknown, "hcloud: the server was not up within %s: %s", time.Duration(o.BootTimeout), clean(err.Error()))}
	}
	if err != nil {
		return nil, err
	}
	made := m.server()
	return &made, nil
}

// running waits until the cloud says that the server runs.
func (s *session) running(ctx context.Context, id int64) (machine, error) {
	const doing = "wait for the server"
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		got, _, err := s.api.Server.GetByID(ctx, id)
		if err != nil {
			return machine{}, wrong(ctx, doing, err)
		}
		if got == nil {
			return machine{}, plugins.Errorf(plugins.Transient, "hcloud: the server was deleted while it was being made")
		}
		m := newMachine(got)
		switch {
		case m.record.Token == "":
			return m, plugins.Errorf(plugins.Unknown, "hcloud: the labels of server %s are damaged", got.Name)
		case m.state() == cloud.Deleting:
			return m, plugins.RetryAfter(time.Second, errors.New("hcloud: the server is being deleted"))
		case m.state() == cloud.Running && m.address() != "":
			return m, nil
		}
		if err := s.trouble(ctx, m); err != nil {
			return m, err
		}
		plugins.Report(ctx, "hcloud: "+string(got.Status), 0.5)
		if !sleep(ctx, pause) {
			return m, wrong(ctx, doing, ctx.Err())
		}
	}
}

// trouble looks whether an action of a server that does not run yet failed, and
// switches on one that is off: whoever asked for it may have died in between.
func (s *session) trouble(ctx context.Context, m machine) error {
	failed, err := s.api.Server.Action.AllFor(ctx, m.Server, hcloud.ActionListOpts{Status: []hcloud.ActionStatus{hcloud.ActionStatusError}})
	if err != nil && !missing(err) {
		return wrong(ctx, "ask for the server's actions", err)
	}
	for _, a := range failed {
		if a.Command == "create_server" || a.Command == "start_server" {
			return &broken{plugins.Errorf(codeOfAction(a), "hcloud: server %s failed: Hetzner says of %s: %s: %s", m.Name, a.Command, a.ErrorCode, clean(a.ErrorMessage))}
		}
	}
	if m.Status == hcloud.ServerStatusOff && !m.Locked {
		_, _, err := s.api.Server.Poweron(ctx, m.Server)
		if err != nil && !hcloud.IsError(err, hcloud.ErrorCodeLocked, hcloud.ErrorCodeConflict) {
			return wrong(ctx, "switch the server on", err)
		}
	}
	return nil
}

func codeOfAction(a *hcloud.Action) plugins.Code {
	code := hcloud.ErrorCode(a.ErrorCode)
	if code == hcloud.ErrorCodeResourceUnavailable || code == hcloud.ErrorCodePlacementError {
		return plugins.Transient
	}
	return plugins.Unknown
}

// answers waits until somebody takes connections at an address.
func answers(ctx context.Context, address string) error {
	for {
		conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		if ctx.Err() != nil || !sleep(ctx, time.Second) {
			return wrong(ctx, fmt.Sprintf("wait for %s (%v)", address, err), ctx.Err())
		}
	}
}
