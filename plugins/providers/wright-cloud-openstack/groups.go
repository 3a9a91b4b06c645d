package main

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/rules"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"github.com/wright-build/wright/plugins"
)

// A group goes with the last port that uses it. Neutron refuses to delete one that
// is used, but looks for that some time before it deletes: a port that came
// meanwhile loses its group, and nothing reaches its server. So whoever makes a
// server looks again once it runs, and gives the group back.

// guard sees to it that the ports of a server are in its security group, and that
// the group has its rules.
func (p *provider) guard(ctx context.Context, s *session, w wish, owned record) error {
	name := w.id.groupName(w.rules)
	if owned.Group != name {
		return nil // it was made with other rules, which the token's first call chose
	}
	for try := 1; ; try++ {
		lost, err := p.guardOnce(ctx, s, w, name, owned.Ports)
		if !lost {
			return err
		}
		if try == groupTries || !sleep(ctx, groupPause(try)) {
			return plugins.RetryAfter(time.Second, err)
		}
	}
}

// groupTries is how often a group is made anew that others delete at that moment.
const groupTries = 8

func groupPause(try int) time.Duration { return rand.N(200 * time.Millisecond * time.Duration(try)) }

// lacksGroup says that a group was deleted with its last other server.
func lacksGroup(err error) bool {
	return missing(err) && strings.Contains(strings.ToLower(err.Error()), "security")
}

// guardOnce says of an error whether something was gone meanwhile.
func (p *provider) guardOnce(ctx context.Context, s *session, w wish, name string, owned []string) (lost bool, err error) {
	group, err := p.ensureGroup(ctx, s, name)
	if err != nil {
		return false, err
	}
	all, err := s.ports(ctx, w.id)
	if err != nil {
		return false, err
	}
	for _, port := range all {
		if !slices.Contains(owned, port.ID) || slices.Contains(port.SecurityGroups, group.ID) {
			continue
		}
		with := append(port.SecurityGroups, group.ID)
		if err := ports.Update(ctx, s.network, port.ID, ports.UpdateOpts{SecurityGroups: &with}).Err; err != nil {
			return missing(err), wrong(ctx, "put port "+port.ID+" into its security group", err)
		}
	}
	err = p.keepGroup(ctx, s, group, w.rules)
	return missing(err), wrong(ctx, "keep the security group to its rules", err)
}

// ensureGroup gives the security group of a name, after making it where there is
// none. It may lack its rules still, see keepGroup.
func (p *provider) ensureGroup(ctx context.Context, s *session, name string) (*groups.SecGroup, error) {
	group, err := s.group(ctx, name)
	if err != nil || group != nil {
		return group, wrong(ctx, "look for the security group", err)
	}
	held, err := p.locks.take(ctx, name)
	if err != nil {
		return nil, wrong(ctx, "make the security group", err)
	}
	defer held.release()
	if group, err = s.group(ctx, name); err == nil && group == nil {
		group, err = s.makeGroup(ctx, name)
	}
	return group, wrong(ctx, "make the security group", err)
}

// keepGroup sees to it that a group has its rules. Somebody's port must use it
// already: a group that nothing uses may be deleted at any time.
func (p *provider) keepGroup(ctx context.Context, s *session, group *groups.SecGroup, want []rule) error {
	if isKept(group, want) {
		return nil
	}
	held, err := p.locks.take(ctx, group.ID)
	if err != nil {
		return err
	}
	defer held.release()
	if group, err = groups.Get(ctx, s.network, group.ID).Extract(); err != nil {
		return err
	}
	return s.mend(ctx, group, want)
}

func isKept(g *groups.SecGroup, want []rule) bool {
	lacks, extra := difference(g.Rules, want)
	return len(lacks)+len(extra) == 0
}

// makeGroup looks for the group when the answer is lost.
func (s *session) makeGroup(ctx context.Context, name string) (*groups.SecGroup, error) {
	group, err := groups.Create(ctx, s.network, groups.CreateOpts{
		Name: name, Description: "Made and kept by Wright. It is deleted with the last server that uses it.",
	}).Extract()
	if err == nil && group.ID == "" {
		err = errors.New("the answer holds no security group")
	}
	if err != nil && !refused(err) {
		if there, err2 := s.group(ctx, name); err2 == nil && there != nil {
			return there, nil
		}
	}
	return group, err
}

// group finds a group by name; nil when there is none. Names need not be unique:
// the oldest counts.
func (s *session) group(ctx context.Context, name string) (*groups.SecGroup, error) {
	all, err := s.groups(ctx, groups.ListOpts{Name: name})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	oldest := slices.MinFunc(all, func(a, b groups.SecGroup) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return &oldest, nil
}

func (s *session) groups(ctx context.Context, o groups.ListOpts) ([]groups.SecGroup, error) {
	pages, err := groups.List(s.network, o).AllPages(ctx)
	if err != nil {
		return nil, err
	}
	return groups.ExtractGroups(pages)
}

// mend adds and removes rules until the group has just those that it should have.
func (s *session) mend(ctx context.Context, g *groups.SecGroup, want []rule) error {
	lacks, extra := difference(g.Rules, want)
	for _, r := range lacks {
		_, err := rules.Create(ctx, s.network, r.create(g.ID)).Extract()
		if err != nil && !refused(err) { // it may be there all the same, and then the second is refused
			_, err = rules.Create(ctx, s.network, r.create(g.ID)).Extract()
		}
		if err != nil && (statusOf(err) != http.StatusConflict || codeOf(http.StatusConflict, err.Error()) == plugins.Quota) {
			return err
		}
	}
	for _, r := range extra {
		if err := rules.Delete(ctx, s.network, r).ExtractErr(); err != nil && !missing(err) {
			return err
		}
	}
	return nil
}

// otherGroups finds the additional groups of the manifest.
func (s *session) otherGroups(ctx context.Context, wanted []string) ([]string, error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	all, err := s.groups(ctx, groups.ListOpts{})
	if err != nil {
		return nil, wrong(ctx, "list the security groups", err)
	}
	var ids []string
	for _, name := range wanted {
		i := slices.IndexFunc(all, func(g groups.SecGroup) bool { return g.ID == name || g.Name == name })
		if i < 0 {
			return nil, plugins.Invalidf("config.security-groups", "there is no security group %q", name)
		}
		ids = append(ids, all[i].ID)
	}
	return ids, nil
}

// dropGroups deletes those groups of the installation that no port uses. Neutron
// knows which do, and refuses to delete them; see guard for what it misses.
func (s *session) dropGroups(ctx context.Context, id identity) error {
	all, err := s.groups(ctx, groups.ListOpts{})
	if err != nil {
		return wrong(ctx, "list the security groups", err)
	}
	for _, g := range all {
		if !strings.HasPrefix(g.Name, id.prefix()+"rules-") {
			continue
		}
		err := groups.Delete(ctx, s.network, g.ID).ExtractErr()
		if err != nil && !missing(err) && statusOf(err) != http.StatusConflict {
			return wrong(ctx, "delete the security group "+g.Name, err)
		}
	}
	return nil
}
