package suite

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/dns"
)

// dnsElsewhere sets a name that another agent has set, whose directory this one
// does not see: what the provider has not set itself is somebody else's, whatever
// it remembers of it.
func dnsElsewhere(b *dnsBench) {
	name := b.domain("elsewhere")
	b.set(name, addresses("192.0.2.1")...)
	h := b.openFor(b.installation()+"-another", filepath.Join(b.TempDir(), "state"), b.settings())
	other, err := h.DNS(b.call(), b.T.name)
	if err != nil {
		b.Report(Finding{Did: "start the provider for another agent, with a directory of its own", Got: answer(nil, err)})
		return
	}
	defer func() { _ = other.Delete(b.call(), name, b.another()) }()
	spec := b.spec(name, addresses("192.0.2.2"))
	spec.Tags = b.another()
	const did = "Set a domain, then Set it by another agent, with another installation and a directory of its own"
	if err := b.seen(other.Set(b.call(), spec)); err != nil && plugins.CodeOf(err) != plugins.Exists {
		b.Report(Finding{Did: did, Got: answer(nil, err)})
	}
	b.has(did, name, addresses("192.0.2.1")...)
	if err := other.Delete(b.call(), name, b.another()); b.seen(err) != nil {
		b.Report(Finding{Did: did + ", then Delete by the other", Got: answer(nil, err)})
	}
	b.has(did+", then Delete by the other", name, addresses("192.0.2.1")...)
	if list, err := other.List(b.call(), b.another()); err == nil {
		for _, e := range list {
			if e.Domain == name {
				b.Report(Finding{Did: did + ", Delete and List by the other", Got: "it is still listed: " + recordsText(e.Records), Want: dnsDeleteDoc})
			}
		}
	}
}

// dnsPerson sets names that a person has set before.
func dnsPerson(b *dnsBench) {
	if b.subject.Person == "" {
		b.Skipf("the suite cannot set a record by hand: give a command as person in verify.toml (Subject.Person) that sets, shows and deletes one")
	}
	const value = "192.0.2.99"
	name := b.domain("person")
	b.Cleanup(func() { _, _ = b.person("delete", name, value) })
	if out, err := b.person("set", name, value); err != nil {
		b.Fatalf("person: ACTION=set fails: %v: %.300s", err, out)
	}
	stays := func(did string) { b.shows(did, name, value) }
	stays("set an address by hand")
	if list, err := b.p.List(b.call(), b.ownTags()); err != nil || len(list) > 0 {
		b.Report(Finding{Did: "set an address by hand, then List", Got: answer(list, err), Want: dnsListDoc})
	}
	for _, r := range []dns.Record{
		{Type: "A", Value: "192.0.2.1", TTL: 5 * time.Minute}, {Type: "AAAA", Value: "2001:db8::1", TTL: 5 * time.Minute}, {Type: "CNAME", Value: "target.example.test", TTL: 5 * time.Minute},
	} {
		did := fmt.Sprintf("set an address by hand, then Set the domain to %s", recordsText([]dns.Record{r}))
		err := b.seen(b.p.Set(b.call(), b.spec(name, []dns.Record{r})))
		if code := plugins.CodeOf(err); err != nil && code != plugins.Exists && code != plugins.Unsupported {
			b.Report(Finding{Did: did, Got: answer(nil, err)})
		}
		stays(did)
		b.drop(b.m, name, b.ownTags())
		stays(did + ", then Delete it")
	}
}

// dnsThere looks at the far side, as a person does, at what is set: a list that is
// read from a provider's own notes says nothing of that.
func dnsThere(b *dnsBench) {
	if b.subject.Person == "" {
		b.Skipf("the suite cannot see what is set: give a command as person in verify.toml (Subject.Person) that sets, shows and deletes a record by hand")
	}
	const first, second = "192.0.2.97", "192.0.2.98"
	name := b.domain("there")
	b.set(name, addresses(first)...)
	b.shows("Set an address", name, first)
	b.set(name, addresses(second)...)
	b.shows("Set an address, then another", name, second)
	b.hides("Set an address, then another", name, first)
	b.drop(b.m, name, b.ownTags())
	b.hides("Set an address, then Delete", name, second)
}

// shows fails the check unless the far side has the address.
func (b *dnsBench) shows(did, name, value string) {
	out, err := b.person("show", name, value)
	if err != nil || !strings.Contains(out, value) {
		b.Report(Finding{Did: did + ", then look at the record (ACTION=show)", Got: fmt.Sprintf("%.300q (%v), it must show %s", out, err, value)})
	}
}

// hides fails the check if the far side has the address. A command that fails has
// found none.
func (b *dnsBench) hides(did, name, value string) {
	if out, _ := b.person("show", name, value); strings.Contains(out, value) {
		b.Report(Finding{Did: did + ", then look at the record (ACTION=show)", Got: fmt.Sprintf("%.300q, it must not show %s", out, value)})
	}
}

// person runs the subject's command; it gives what it prints.
func (b *dnsBench) person(action, name, value string) (string, error) {
	cmd := exec.CommandContext(b.call(), "/bin/sh", "-c", b.subject.Person)
	cmd.Env = append(os.Environ(), "ACTION="+action, "NAME="+name, "VALUE="+value)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
