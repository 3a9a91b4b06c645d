package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/wright-build/wright/plugins"
)

const settleTime = 5 * time.Second

// delete takes away the token's server and returns when the cloud says that it is
// gone. Of a call that died in the middle it may still arrive: for that it waits
// a while.
func (s *session) delete(ctx context.Context, id identity) error {
	turn, err := s.turns.Take(ctx, id.token)
	if err != nil {
		return wrong(ctx, "delete the server", err)
	}
	defer turn.Release(ctx)
	for {
		m, err := s.find(ctx, id)
		if err != nil {
			return err
		}
		if m != nil {
			if err := s.remove(ctx, m); err != nil {
				return err
			}
			turn.Settled() // whatever was asked for made this one, or was refused
			continue       // unless somebody else asked just now
		}
		if time.Since(turn.Since) >= s.settles {
			turn.Settled()
			return s.dropFirewalls(ctx, id)
		}
		if !sleep(ctx, 500*time.Millisecond) {
			return wrong(ctx, "wait for what is still on its way", ctx.Err())
		}
	}
}

// remove deletes a server and waits until it is gone. Its primary IPs go with it.
func (s *session) remove(ctx context.Context, m *machine) error {
	doing := "delete server " + m.Name
	asked := time.Time{}
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		now, _, err := s.api.Server.GetByID(ctx, m.ID)
		if err != nil {
			return wrong(ctx, doing, err)
		}
		if now == nil {
			return nil
		}
		if now.Protection.Delete {
			return plugins.Errorf(plugins.Denied, "hcloud: %s: somebody protected it against that, at Hetzner", doing)
		}
		if now.Status != hcloud.ServerStatusDeleting && time.Since(asked) > 10*time.Second {
			asked = time.Now()
			_, _, err := s.api.Server.DeleteWithResult(ctx, now)
			switch {
			case hcloud.IsError(err, hcloud.ErrorCodeLocked, hcloud.ErrorCodeConflict):
				asked = time.Time{} // it is being made; ask again
			case err != nil && !missing(err):
				return wrong(ctx, doing, err)
			}
		}
		plugins.Report(ctx, fmt.Sprintf("waiting until %s is gone", m.Name), 0.5)
		if !sleep(ctx, pause) {
			return wrong(ctx, doing, ctx.Err())
		}
	}
}
