package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	rabbithole "github.com/michaelklishin/rabbit-hole/v2"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database/notes"
)

// vhost gives a virtual host and its note, nil where there is none.
func vhost(at api, name string) (*rabbithole.VhostInfo, *notes.Note, error) {
	v, err := at.GetVhost(name)
	if plugins.CodeOf(err) == plugins.NotFound {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if v.Name != name {
		return nil, nil, plugins.Errorf(plugins.Transient, "ask for the virtual host %s: the answer is about %.80q", name, v.Name)
	}
	note, err := notes.Parse([]byte(v.Description))
	if err != nil {
		return nil, nil, plugins.Errorf(plugins.Exists, "the virtual host %s was not made by Wright: %w", name, err)
	}
	return v, note, nil
}

// How often a virtual host is looked at before it is made anew, and before it is
// somebody else's turn. Another request may be making it.
const (
	patience = 3
	looks    = 20
)

// makeVhost makes a virtual host with a note, as far as it is missing. RabbitMQ
// stops making one when the connection is lost on which it was asked for; then the
// exchanges that each has are missing for ever, or it is down.
func (at api) makeVhost(ctx context.Context, name, note string) error {
	for look := 1; look <= looks; look++ {
		v, _, err := vhost(at, name)
		if err != nil {
			return err
		}
		if v == nil || v.Description != note {
			answer, err := at.PutVhost(name, rabbithole.VhostSettings{Description: note, Tracing: v != nil && v.Tracing})
			if err := done(answer, err); err != nil {
				return err
			}
			if answer.StatusCode == http.StatusCreated {
				return nil
			}
			continue
		}
		whole, err := at.mend(ctx, v, look > patience)
		if whole || err != nil {
			return err
		}
		if err := sleep(ctx, firstPause); err != nil {
			return fmt.Errorf("wait for the virtual host %s: %w", name, err)
		}
	}
	return plugins.Errorf(plugins.Transient, "the virtual host %s is not there as a whole", name)
}

// mend says whether a virtual host is there as a whole. If not it is started, or,
// if it must be, removed: nobody was ever given a half-made one.
func (at api) mend(ctx context.Context, v *rabbithole.VhostInfo, remove bool) (whole bool, err error) {
	exchanges, err := at.ListExchangesIn(v.Name)
	if plugins.CodeOf(err) == plugins.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	stopped := stoppedAt(v)
	switch {
	case complete(exchanges) && len(stopped) == 0:
		return true, nil
	case complete(exchanges):
		return false, at.start(ctx, v.Name, stopped)
	case !remove:
		return false, nil
	}
	if len(stopped) < len(v.ClusterState) {
		queues, err := at.ListQueuesIn(v.Name)
		if err != nil {
			return false, err
		}
		if len(queues) > 0 {
			return false, plugins.Errorf(plugins.Unknown, "the virtual host %s has queues and lacks exchanges that each has: a person must look", v.Name)
		}
	}
	return false, done(at.DeleteVhost(v.Name))
}

// complete says whether the exchanges are there that each virtual host has.
func complete(exchanges []rabbithole.ExchangeInfo) bool {
	there := map[string]bool{}
	for _, e := range exchanges {
		there[e.Name] = true
	}
	for _, name := range []string{"", "amq.direct", "amq.fanout", "amq.headers", "amq.match", "amq.topic"} {
		if !there[name] {
			return false
		}
	}
	return true
}

// stoppedAt lists the nodes at which a virtual host is down.
func stoppedAt(v *rabbithole.VhostInfo) []string {
	var nodes []string
	for node, state := range v.ClusterState {
		if state != "running" {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

func (at api) start(ctx context.Context, name string, nodes []string) error {
	for _, node := range nodes {
		where := at.Endpoint + "/api/vhosts/" + url.PathEscape(name) + "/start/" + url.PathEscape(node)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, where, http.NoBody)
		if err != nil {
			return fmt.Errorf("start the virtual host %s: %w", name, err)
		}
		r.SetBasicAuth(at.Username, at.Password)
		if err := done(at.http.Do(r)); err != nil {
			return err
		}
	}
	return nil
}
