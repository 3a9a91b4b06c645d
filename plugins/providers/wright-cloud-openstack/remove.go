package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/floatingips"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"github.com/wright-build/wright/plugins"
)

// remove takes away all of a token and returns when the cloud says that it is
// gone. Of a call that died in the middle something may still arrive: for that
// it waits a while.
func (p *provider) remove(ctx context.Context, s *session, id identity, held *lock) error {
	if err := p.clear(ctx, s, id); err != nil {
		return err
	}
	if err := p.settle(ctx, s, id, held.since); err != nil {
		return err
	}
	held.settled(ctx, true)
	return s.dropGroups(ctx, id)
}

// settleTime is how long a request lives on in a cloud whose client is gone.
const settleTime = 6 * time.Second

// settle removes what arrives late of a call that was found given up at since;
// zero means that there was none.
func (p *provider) settle(ctx context.Context, s *session, id identity, since time.Time) error {
	for time.Since(since) < settleTime {
		if !sleep(ctx, 500*time.Millisecond) {
			return wrong(ctx, "wait for what is still on its way", ctx.Err())
		}
		if err := p.clear(ctx, s, id); err != nil {
			return err
		}
	}
	return nil
}

// without leaves out a server with what belongs to it.
func (t things) without(keep string) things {
	var ours []string
	for _, m := range t.servers {
		if m.ID == keep {
			ours = append(ours, m.record.Ports...)
		}
	}
	mine := func(p ports.Port) bool { return p.DeviceID == keep || slices.Contains(ours, p.ID) }
	var left things
	for _, m := range t.servers {
		if m.ID != keep {
			left.servers = append(left.servers, m)
		}
	}
	for _, port := range t.ports {
		if !mine(port) {
			left.ports = append(left.ports, port)
		}
	}
	for _, f := range t.floating {
		if !slices.Contains(ours, f.PortID) {
			left.floating = append(left.floating, f)
		}
	}
	return left
}

// clear removes all of a token that there is now.
func (p *provider) clear(ctx context.Context, s *session, id identity) error {
	for range 10 {
		found, err := s.find(ctx, id)
		if err != nil || found.none() {
			return err
		}
		if err := s.drop(ctx, found); err != nil {
			return err
		}
	}
	return plugins.RetryAfter(5*time.Second, fmt.Errorf("openstack: delete the server: there is always something more of it"))
}

// drop deletes things in an order in which what is left still leads to the rest.
func (s *session) drop(ctx context.Context, t things) error {
	for _, f := range t.floating {
		err := floatingips.Delete(ctx, s.network, f.ID).ExtractErr()
		if err != nil && !missing(err) {
			return wrong(ctx, "delete floating IP "+f.FloatingIP, err)
		}
	}
	for _, port := range t.ports {
		if port.DeviceID == "" {
			if err := s.dropPort(ctx, port); err != nil {
				return err
			}
		}
	}
	var volumes []string
	for _, m := range t.servers {
		if err := s.dropServer(ctx, m); err != nil {
			return err
		}
		volumes = append(volumes, m.volumes...)
	}
	plugins.Report(ctx, "waiting until the server is gone", 0.5)
	for _, m := range t.servers {
		if err := s.gone(ctx, m); err != nil {
			return err
		}
	}
	for _, v := range volumes {
		if err := s.volumeGone(ctx, v); err != nil {
			return err
		}
	}
	for _, port := range t.ports {
		if port.DeviceID != "" {
			if err := s.dropPort(ctx, port); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropPort deletes a port; one that something uses just now is left to the next round.
func (s *session) dropPort(ctx context.Context, p ports.Port) error {
	err := ports.Delete(ctx, s.network, p.ID).ExtractErr()
	if err == nil || missing(err) {
		return nil
	}
	if statusOf(err) == http.StatusConflict && sleep(ctx, time.Second) {
		return nil
	}
	return wrong(ctx, "delete port "+p.ID, err)
}

// dropServer asks nova to delete a server, whatever it is doing.
func (s *session) dropServer(ctx context.Context, m machine) error {
	doing := "delete server " + m.Name
	for range lostTries {
		err := servers.Delete(ctx, s.compute, m.ID).ExtractErr()
		if err == nil || missing(err) {
			return nil
		}
		if statusOf(err) != http.StatusConflict || !sleep(ctx, time.Second) {
			return wrong(ctx, doing, err)
		}
	}
	return plugins.RetryAfter(5*time.Second, fmt.Errorf("openstack: %s: nova says that it is busy with it", doing))
}

// gone waits until nova says that there is no such server.
func (s *session) gone(ctx context.Context, m machine) error {
	doing := "wait until server " + m.Name + " is gone"
	asked := time.Now()
	for pause := 200 * time.Millisecond; ; pause = min(pause*3/2, 2*time.Second) {
		now, err := servers.Get(ctx, s.compute, m.ID).Extract()
		switch {
		case missing(err):
			return nil
		case err != nil:
			return wrong(ctx, doing, err)
		case now.Status == "ERROR" && now.TaskState == "deleting" && time.Since(asked) > 30*time.Second:
			// From here on nova takes no notice of requests to delete it.
			return plugins.RetryAfter(time.Minute, fmt.Errorf("openstack: delete server %s: nova failed and has it in the states ERROR and deleting, "+
				"which its administrator must reset: %s", m.Name, clean(now.Fault.Message)))
		case now.Status == "SOFT_DELETED":
			if err := servers.ForceDelete(ctx, s.compute, m.ID).ExtractErr(); err != nil && !missing(err) && statusOf(err) != http.StatusConflict {
				return wrong(ctx, doing+": it is kept for a while, and to delete it for good", err)
			}
		case now.TaskState != "deleting" && time.Since(asked) > 5*time.Second: // nova failed to, or lost the request, as it may with what it is building
			if err := s.dropServer(ctx, m); err != nil {
				return err
			}
			asked = time.Now()
		}
		if !sleep(ctx, pause) {
			return wrong(ctx, doing, ctx.Err())
		}
	}
}

// volumeGone waits for a volume that nova deletes with its server, and deletes it
// if nova does not.
func (s *session) volumeGone(ctx context.Context, id string) error {
	if s.volume == nil {
		return nil
	}
	doing := "wait until volume " + id + " is gone"
	for pause := 300 * time.Millisecond; ; pause = min(2*pause, 3*time.Second) {
		v, err := volumes.Get(ctx, s.volume, id).Extract()
		if missing(err) {
			return nil
		}
		if err != nil {
			return wrong(ctx, doing, err)
		}
		if v.Status == "available" || v.Status == "error" || v.Status == "error_deleting" {
			if err := volumes.Delete(ctx, s.volume, id, nil).ExtractErr(); err != nil && !missing(err) && statusOf(err) != http.StatusBadRequest {
				return wrong(ctx, "delete volume "+id, err)
			}
		}
		if !sleep(ctx, pause) {
			return wrong(ctx, doing, ctx.Err())
		}
	}
}
