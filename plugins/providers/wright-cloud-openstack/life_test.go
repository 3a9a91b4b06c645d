package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

// life looks at the cloud itself at what a server is made of.
func life(t *testing.T, b *bench) {
	s := b.spec("life", map[string]any{
		"floating-ip": "public", "port": 8080, "ssh-user": "debian", "user-data": "#!/bin/sh\ntrue\n", "security-groups": []any{"default"},
		"ingress": []any{map[string]any{"port": 22, "from": []any{"192.0.2.0/24"}}, map[string]any{"protocol": "icmp"}},
	})
	made, err := b.Create(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if made.Variables["WRIGHT_APPSERVER_USER"] != "debian" || made.Port != 8080 || !strings.HasPrefix(made.Address, "127.98.") ||
		!strings.HasPrefix(made.Variables["WRIGHT_APPSERVER_PRIVATE_ADDRESS"], "127.99.") {
		t.Errorf("got %+v", made)
	}
	id := identify(b.installation, "life")
	found, err := b.direct.find(t.Context(), id)
	if err != nil || len(found.servers) != 1 || len(found.ports) != 1 || len(found.floating) != 1 {
		t.Fatalf("the cloud has %+v, %v", found, err)
	}
	one, port := found.servers[0], found.ports[0]
	if one.Metadata[plugins.InstallationTag] != b.installation || one.Status != "ACTIVE" || port.DeviceID != one.ID || len(port.SecurityGroups) != 2 ||
		found.floating[0].FloatingIP != made.Address || found.floating[0].PortID != port.ID {
		t.Errorf("the cloud has server %+v, port %+v, floating IP %+v", one.Server, port, found.floating[0])
	}
	group, err := b.direct.group(t.Context(), id.groupName(rulesOf(mustOptions(t, s).Ingress)))
	if err != nil || group == nil {
		t.Fatalf("its security group: %v", err)
	}
	if err := groups.Delete(t.Context(), b.direct.network, group.ID).ExtractErr(); err == nil {
		t.Error("neutron lets go of a group that is used")
	}
	kept(t, b, group.ID, s)
	regained(t, b, port.ID, s)
	output, err := b.Provider.(cloud.Consoler).Console(t.Context(), "life")
	if err != nil || !strings.Contains(string(output), "FAKE CONSOLE") {
		t.Errorf("its console: %q, %v", output, err)
	}
	if err := b.Delete(t.Context(), "life"); err != nil {
		t.Fatal(err)
	}
	if left := b.left(t, t.Context()); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

func mustOptions(t *testing.T, s cloud.Spec) options {
	o, err := readOptions(s)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// regained takes a port out of its group, which neutron does when it deletes a group
// in the wrong moment, and sees the next call put it back.
func regained(t *testing.T, b *bench, port string, s cloud.Spec) {
	if err := ports.Update(t.Context(), b.direct.network, port, ports.UpdateOpts{SecurityGroups: &[]string{}}).Err; err != nil {
		t.Fatal(err)
	}
	if err := b.direct.dropGroups(t.Context(), identify(b.installation, "")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Create(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	got, err := ports.Get(t.Context(), b.direct.network, port).Extract()
	if err != nil || len(got.SecurityGroups) != 1 {
		t.Fatalf("the port is %+v, %v", got, err)
	}
	group, err := groups.Get(t.Context(), b.direct.network, got.SecurityGroups[0]).Extract()
	if err != nil || !isKept(group, rulesOf(mustOptions(t, s).Ingress)) {
		t.Errorf("its group is %+v, %v", group, err)
	}
}

// kept breaks a group by hand, and sees the next server mend it.
func kept(t *testing.T, b *bench, group string, s cloud.Spec) {
	want := rulesOf(mustOptions(t, s).Ingress)
	g, err := groups.Get(t.Context(), b.direct.network, group).Extract()
	if err != nil {
		t.Fatal(err)
	}
	if lacks, extra := difference(g.Rules, want); len(lacks)+len(extra) > 0 {
		t.Errorf("the group lacks %+v and has %v too many", lacks, extra)
	}
	hole := rule{"tcp", 1, 65535, "0.0.0.0/0"}
	if err := b.direct.mend(t.Context(), g, []rule{hole}); err != nil {
		t.Fatal(err)
	}
	s.Token = "mends"
	if _, err := b.Create(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if g, err = groups.Get(t.Context(), b.direct.network, group).Extract(); err != nil {
		t.Fatal(err)
	}
	if lacks, extra := difference(g.Rules, want); len(lacks)+len(extra) > 0 {
		t.Errorf("the group is not mended: it lacks %+v and has %v too many", lacks, extra)
	}
	if err := b.Delete(t.Context(), "mends"); err != nil {
		t.Error(err)
	}
}

// fails sees what becomes of a server for which there is no host, and of one
// that never answers.
func fails(t *testing.T, b *bench) {
	none := b.spec("no-host", nil)
	none.Flavor = "m1.nohost"
	_, err := b.Create(t.Context(), none)
	if plugins.CodeOf(err) != plugins.Quota || !strings.Contains(err.Error(), "No valid host") {
		t.Errorf("no host: %v, code %q", err, plugins.CodeOf(err))
	}
	silent := b.spec("silent", map[string]any{"wait-port": 1, "boot-timeout": "8s"})
	_, err = b.Create(t.Context(), silent)
	if err == nil || !strings.Contains(err.Error(), "within 8s") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("no answer: %v", err)
	}
	if left := b.left(t, t.Context()); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

// building deletes a server that nova is still building.
func building(t *testing.T, b *bench) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := b.Create(ctx, b.spec("building", nil))
		ended <- err
	}()
	id := identify(b.installation, "building")
	for {
		if all, err := b.direct.servers(t.Context(), id.tags()...); err != nil || len(all) > 0 {
			break
		}
		sleep(t.Context(), 50*time.Millisecond)
	}
	if err := b.Delete(t.Context(), "building"); err != nil {
		t.Error(err)
	}
	cancel()
	<-ended
	if left := b.left(t, t.Context()); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

// duplicates makes a second server of a token behind the provider's back, as a
// late request would.
func duplicates(t *testing.T, b *bench) {
	first, err := b.Create(t.Context(), b.spec("twice", nil))
	if err != nil {
		t.Fatal(err)
	}
	id := identify(b.installation, "twice")
	found, err := b.direct.find(t.Context(), id)
	if err != nil || len(found.servers) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	r := found.servers[0].record
	r.Ports, r.Created = []string{"gone"}, r.Created.Add(-time.Hour)
	data, err := r.metadata()
	if err != nil {
		t.Fatal(err)
	}
	nets, err := b.direct.networks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lab, err := pickNetworks(nets, []string{"lab"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = servers.Create(t.Context(), b.direct.compute, servers.CreateOpts{
		Name: "late", FlavorRef: "1", ImageRef: found.servers[0].Image["id"].(string), Metadata: data, Tags: id.tags(), Networks: []servers.Network{{UUID: lab[0].ID}},
	}, nil).Extract()
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.Create(t.Context(), b.spec("twice", nil))
	if err != nil || again.Address != first.Address || !again.CreatedAt.Equal(first.CreatedAt) {
		t.Errorf("first %+v, then %+v, %v", first, again, err)
	}
	if all, err := b.direct.servers(t.Context(), id.tags()...); err != nil || len(all) != 1 || all[0].Name == "late" {
		t.Errorf("the cloud has %d servers of the token, %v", len(all), err)
	}
	if err := b.Delete(t.Context(), "twice"); err != nil {
		t.Error(err)
	}
	if left := b.left(t, t.Context()); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}
