package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// broken is why a server did not come up.
type broken struct{ err error }

func (b *broken) Error() string { return b.err.Error() }
func (b *broken) Unwrap() error { return b.err }

// ready waits until a server can be provisioned. An error that is broken says
// that it never will.
func (p *provider) ready(ctx context.Context, s *session, id string, w wish) (*cloud.Server, error) {
	o := w.options
	limited, cancel := context.WithTimeout(ctx, time.Duration(o.BootTimeout))
	defer cancel()
	m, err := s.active(limited, id)
	if err == nil {
		err = p.guard(limited, s, w, m.record)
	}
	if err == nil && *o.WaitPort != 0 {
		plugins.Report(ctx, fmt.Sprintf("waiting for port %d of %s", *o.WaitPort, m.record.Address), 0.8)
		err = answers(limited, net.JoinHostPort(m.record.Address, strconv.Itoa(*o.WaitPort)))
	}
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		// Without the context's error in it, which would look like the caller's own.
		err = &broken{plugins.Errorf(plugins.Unknown, "openstack: the server was not up within %s: %s%s",
			time.Duration(o.BootTimeout), clean(err.Error()), s.lastWords(ctx, id))}
	}
	if err != nil {
		return nil, err
	}
	made := m.record.server(cloud.Running)
	return &made, nil
}

// active waits until nova says so.
func (s *session) active(ctx context.Context, id string) (machine, error) {
	for pause := 500 * time.Millisecond; ; pause = min(pause*3/2, 2*time.Second) { // each answer costs nova two requests to neutron
		var m machine
		got, err := servers.Get(ctx, s.compute, id).Extract()
		if missing(err) {
			return m, plugins.Errorf(plugins.Transient, "openstack: the server was deleted while it was being made")
		}
		if err == nil {
			m.Server = *got
			m.record, err = fromMetadata(got.Metadata)
		}
		if err != nil {
			return m, wrong(ctx, "wait for the server", err)
		}
		switch m.state() {
		case cloud.Running:
			return m, nil
		case cloud.Deleting:
			return m, plugins.RetryAfter(time.Second, errors.New("openstack: the server is being deleted"))
		case cloud.Failed:
			return m, &broken{s.whyFailed(ctx, m)}
		}
		plugins.Report(ctx, "nova: "+strings.TrimSpace(strings.ToLower(m.Status)+" "+m.TaskState), 0.5)
		if !sleep(ctx, pause) {
			return m, wrong(ctx, "wait for the server", ctx.Err())
		}
	}
}

// whyFailed repeats what nova says of a server in the state ERROR.
func (s *session) whyFailed(ctx context.Context, m machine) error {
	code := plugins.Unknown
	if strings.Contains(m.Fault.Message, "No valid host") || strings.Contains(strings.ToLower(m.Fault.Message), "quota") {
		code = plugins.Quota
	}
	return plugins.Errorf(code, "openstack: server %s failed: nova says: %s%s", m.Name, clean(m.Fault.Message), s.lastWords(ctx, m.ID))
}

// lastWords are the end of a server's console, for an error.
func (s *session) lastWords(ctx context.Context, id string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	output, err := servers.ShowConsoleOutput(ctx, s.compute, id, servers.ShowConsoleOutputOpts{Length: 30}).Extract()
	if err != nil || strings.TrimSpace(output) == "" {
		return ""
	}
	const most = 2000
	output = strings.ToValidUTF8(output[max(0, len(output)-most):], "?")
	return "; the console ends with:\n" + output
}

// answers waits until somebody takes connections at an address.
func answers(ctx context.Context, address string) error {
	for {
		conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		if ctx.Err() != nil || !sleep(ctx, time.Second) {
			return wrong(ctx, "wait for "+address, errors.Join(err, ctx.Err()))
		}
	}
}
