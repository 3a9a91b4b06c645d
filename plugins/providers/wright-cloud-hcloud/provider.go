package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
	"github.com/wright-build/wright/plugins/cloud/turns"
)

// front is what the host calls. It passes calls on to the provider that the last
// Configure made.
type front struct {
	mu  sync.Mutex // guards all below
	now *provider
}

// provider makes servers in one project for one installation.
type provider struct {
	settings     settings
	installation string
	log          *slog.Logger
	turns        turns.Dir
	settles      time.Duration // how long a request lives on in a cloud whose client is gone
	http         *http.Client
}

// session is the provider with the token as it is now.
type session struct {
	*provider
	api *hcloud.Client
}

var (
	_ cloud.Provider     = (*front)(nil)
	_ plugins.Configurer = (*front)(nil)
)

// Configure implements plugins.Configurer. It asks the cloud nothing: one that
// does not answer just now must not keep an agent from starting.
func (f *front) Configure(_ context.Context, s plugins.Settings) error {
	p := &provider{installation: s.Installation, log: s.Log, settles: settleTime}
	if err := plugins.ReadConfig(s.Config, &p.settings); err != nil {
		return err
	}
	if err := p.settings.check(); err != nil {
		return err
	}
	var err error
	if p.turns, err = turns.Open(filepath.Join(s.StateDir, "locks")); err != nil {
		return err
	}
	p.http = newHTTP(time.Duration(p.settings.Timeout))
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now != nil {
		f.now.http.CloseIdleConnections()
	}
	f.now = p
	return nil
}

// open gives the provider, with its token.
func (f *front) open() (*session, error) {
	f.mu.Lock()
	p := f.now
	f.mu.Unlock()
	if p == nil {
		return nil, errors.New("the provider is not configured yet")
	}
	token, err := p.settings.secret()
	if err != nil {
		return nil, err
	}
	return &session{p, hcloud.NewClient(
		hcloud.WithEndpoint(p.settings.Endpoint), hcloud.WithToken(token), hcloud.WithHTTPClient(p.http),
		hcloud.WithApplication("wright", ""), hcloud.WithRetryOpts(hcloud.RetryOpts{MaxRetries: 0}), // the transport does
	)}, nil
}

// Create implements cloud.Provider.
func (f *front) Create(ctx context.Context, spec cloud.Spec) (*cloud.Server, error) {
	s, err := f.open()
	if err != nil {
		return nil, err
	}
	o, err := readOptions(spec, s.settings)
	if err != nil {
		return nil, err
	}
	w := wish{id: identify(s.installation, spec.Token), options: o}
	if w.data, err = o.data().Make(spec.Env, maxUserData); err != nil {
		return nil, err
	}
	if w.labels, err = newRecord(spec, o, s.installation, time.Now()).labels(w.id); err != nil {
		return nil, err
	}
	id, err := s.begin(ctx, w)
	if err != nil {
		return nil, err
	}
	made, err := s.ready(ctx, id, o)
	if _, never := errors.AsType[*broken](err); never {
		if err2 := s.delete(ctx, w.id); err2 != nil {
			s.log.Warn("a server that failed is still there", "server", spec.Name, "error", err2)
		}
	}
	return made, err
}

// Get implements cloud.Provider.
func (f *front) Get(ctx context.Context, token string) (*cloud.Server, error) {
	s, err := f.open()
	if err != nil {
		return nil, err
	}
	m, err := s.find(ctx, identify(s.installation, token))
	if err != nil {
		return nil, err
	}
	if m == nil || m.record.Token != token {
		return nil, plugins.Errorf(plugins.NotFound, "hcloud: there is no server with this token")
	}
	got := m.server()
	return &got, nil
}

// List implements cloud.Provider.
func (f *front) List(ctx context.Context, tags map[string]string) ([]cloud.Server, error) {
	s, err := f.open()
	if err != nil {
		return nil, err
	}
	id := identify(s.installation, "")
	all, err := s.list(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 { // a call that died may have left its firewall
		if err := s.dropFirewalls(ctx, id); err != nil {
			return nil, err
		}
	}
	list := []cloud.Server{}
	for _, m := range all {
		switch {
		case m.record.Token == "":
			s.log.Warn("the labels of a server are damaged; it is left alone", "server", m.Name, "id", m.ID)
		case plugins.HasTags(m.record.Tags, tags):
			list = append(list, m.server())
		}
	}
	slices.SortFunc(list, func(a, b cloud.Server) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Token, b.Token))
	})
	return list, nil
}

// Delete implements cloud.Provider.
func (f *front) Delete(ctx context.Context, token string) error {
	s, err := f.open()
	if err != nil {
		return err
	}
	return s.delete(ctx, identify(s.installation, token))
}
