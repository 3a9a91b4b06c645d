package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	rabbithole "github.com/michaelklishin/rabbit-hole/v2"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/database/notes"
	"github.com/wright-build/wright/plugins/database/servers"
)

// backend is one server or cluster. A virtual host and its user have one name. The
// virtual host is made first and removed last, for its description is the note.
type backend struct {
	endpoint, user string
	secret         func() (string, error)
	below          http.RoundTripper
	tag            string // of every user, so that a late one without a virtual host is known
}

var _ notes.Backend = (*backend)(nil)

// tagOf is the tag that users of an installation have. RabbitMQ gives it no rights.
func tagOf(installation string) string { return "wright-" + servers.Hash(installation)[:16] }

// everything is what a user may do in its virtual host.
func everything() rabbithole.Permissions {
	return rabbithole.Permissions{Configure: ".*", Write: ".*", Read: ".*"}
}

// api is a client for one call, whose requests end with it.
type api struct {
	*rabbithole.Client
	http http.Client // for what the library lacks
}

func (b *backend) api(ctx context.Context) (api, error) {
	secret, err := b.secret()
	if err != nil {
		return api{}, err
	}
	t := &transport{ctx: ctx, below: b.below, secret: secret}
	client, err := rabbithole.NewTLSClient(b.endpoint, b.user, secret, t)
	return api{client, http.Client{Transport: t}}, err
}

// Get implements notes.Backend.
func (b *backend) Get(ctx context.Context, key notes.Key) (*notes.Note, error) {
	at, err := b.api(ctx)
	if err != nil {
		return nil, err
	}
	if key.Use {
		return use(at, key.Name)
	}
	_, note, err := vhost(at, key.Name)
	return note, err
}

func use(at api, name string) (*notes.Note, error) {
	p, err := at.GetGlobalParameter(name)
	if plugins.CodeOf(err) == plugins.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	note, err := noteOf(*p)
	if p.Name != name {
		return nil, plugins.Errorf(plugins.Transient, "ask for the global parameter %s: the answer is about %.80q", name, p.Name)
	}
	if err != nil {
		return nil, plugins.Errorf(plugins.Exists, "the global parameter %s was not made by Wright: %w", name, err)
	}
	return note, nil
}

func noteOf(p rabbithole.GlobalRuntimeParameter) (*notes.Note, error) {
	text, err := json.Marshal(p.Value)
	if err != nil {
		return nil, err
	}
	return notes.Parse(text)
}

// All implements notes.Backend. It also removes users of ours without a virtual
// host, which a request that came late may have left.
func (b *backend) All(ctx context.Context) ([]notes.Entry, error) {
	at, err := b.api(ctx)
	if err != nil {
		return nil, err
	}
	// The users come first: a virtual host that is made meanwhile is there before its user.
	users, err := at.ListUsers()
	if err != nil {
		return nil, err
	}
	vhosts, err := at.ListVhosts()
	if err != nil {
		return nil, err
	}
	parameters, err := at.ListGlobalParameters()
	if err != nil {
		return nil, err
	}
	if err := b.sweep(at, users, vhosts); err != nil {
		return nil, err
	}
	return entries(vhosts, parameters), nil
}

// entries leaves out what is no note of ours.
func entries(vhosts []rabbithole.VhostInfo, parameters []rabbithole.GlobalRuntimeParameter) []notes.Entry {
	var list []notes.Entry
	for _, v := range vhosts {
		if n, err := notes.Parse([]byte(v.Description)); err == nil && n.Of == "" {
			list = append(list, notes.Entry{Key: notes.Key{Name: v.Name}, Note: *n})
		}
	}
	for _, p := range parameters {
		if n, err := noteOf(p); err == nil && n.Of != "" {
			list = append(list, notes.Entry{Key: notes.Key{Name: p.Name, Use: true}, Note: *n})
		}
	}
	return list
}

func (b *backend) sweep(at api, users []rabbithole.UserInfo, vhosts []rabbithole.VhostInfo) error {
	for _, name := range orphans(users, vhosts, b.tag) {
		if v, _, err := vhost(at, name); v != nil || err != nil {
			continue // it has come meanwhile, or nobody knows
		}
		if err := done(at.DeleteUser(name)); err != nil {
			return err
		}
	}
	return nil
}

// orphans are the users with a tag that have no virtual host.
func orphans(users []rabbithole.UserInfo, vhosts []rabbithole.VhostInfo, tag string) []string {
	there := map[string]bool{}
	for _, v := range vhosts {
		there[v.Name] = true
	}
	var names []string
	for _, u := range users {
		if slices.Contains(u.Tags, tag) && !there[u.Name] {
			names = append(names, u.Name)
		}
	}
	return names
}

// Put implements notes.Backend.
func (b *backend) Put(ctx context.Context, e notes.Entry, password string) error {
	at, err := b.api(ctx)
	if err != nil {
		return err
	}
	text, err := e.Text()
	if err != nil {
		return err
	}
	name := e.Key.Name
	if e.Key.Use {
		return done(at.PutGlobalParameter(name, json.RawMessage(text)))
	}
	if err := at.makeVhost(ctx, name, string(text)); err != nil {
		return err
	}
	// Only a hash of the password is sent, and it is of this request alone.
	err = done(at.PutUser(name, rabbithole.UserSettings{
		Name: name, Tags: rabbithole.UserTags{b.tag},
		PasswordHash: rabbithole.Base64EncodedSaltedPasswordHashSHA256(password), HashingAlgorithm: rabbithole.HashingAlgorithmSHA256,
	}))
	if err != nil {
		return err
	}
	return done(at.UpdatePermissionsIn(name, name, everything()))
}

// Remove implements notes.Backend.
func (b *backend) Remove(ctx context.Context, e notes.Entry) error {
	at, err := b.api(ctx)
	if err != nil {
		return err
	}
	name := e.Key.Name
	if e.Key.Use {
		return done(at.DeleteGlobalParameter(name))
	}
	if err := done(at.DeleteUser(name)); err != nil {
		return err
	}
	for {
		if err := done(at.DeleteVhost(name)); err != nil {
			return err
		}
		if v, _, err := vhost(at, name); v == nil || err != nil {
			return err
		}
		if err := sleep(ctx, firstPause); err != nil {
			return fmt.Errorf("wait for the virtual host %s to be gone: %w", name, err)
		}
	}
}

// Count implements notes.Backend.
func (b *backend) Count(ctx context.Context) (int, error) {
	at, err := b.api(ctx)
	if err != nil {
		return 0, err
	}
	vhosts, err := at.ListVhosts()
	return len(vhosts), err
}

// done is what a change came to.
func done(answer *http.Response, err error) error {
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
