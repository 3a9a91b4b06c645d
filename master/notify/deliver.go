package notify

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/notify/content"
	"github.com/wright-build/wright/master/notify/outcome"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/notifier"
)

// longest is how long one try may take, whoever forgets to end it.
const longest = 10 * time.Minute

// errNoMail is said to everybody who waits for mail.
var errNoMail = errors.New("no mail server is configured: write [smtp] into the master's configuration")

// deliver tries a notice once.
func (r *Notifier) deliver(ctx context.Context, n *state.Notice) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	c, hide, err := r.content(ctx, n)
	if err != nil {
		return err
	}
	switch n.Channel {
	case mailChannel:
		if r.cfg.Mail == nil {
			return outcome.Final(errNoMail)
		}
		err = r.cfg.Mail.Deliver(ctx, n, c)
	case webhookChannel:
		err = r.cfg.Post.Webhook(ctx, n, c, r.cfg.Now())
	case pluginChannel:
		err = r.plugin(ctx, n, c)
	default:
		err = r.cfg.Post.Status(ctx, n, c)
	}
	return hidden(err, hide)
}

// hidden is an error without secrets: it is stored and shown.
func hidden(err error, hide func(string) string) error {
	if err == nil || hide(err.Error()) == err.Error() {
		return err
	}
	said := outcome.Of(err)
	said.Err = errors.New(hide(err.Error()))
	return &said
}

// content makes what a notice says, without secrets.
func (r *Notifier) content(ctx context.Context, n *state.Notice) (content.Content, func(string) string, error) {
	id, err := state.ParseBuildID(n.Build)
	if err != nil {
		return content.Content{}, nil, outcome.Final(err)
	}
	b, err := r.cfg.Store.Build(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return content.Content{}, nil, outcome.Final(err)
	}
	if err != nil {
		return content.Content{}, nil, err
	}
	hide := r.hider(n.Instance)
	shown := *b
	shown.Error, shown.Reason.Text = hide(b.Error), hide(b.Reason.Text)
	var out content.Output
	if n.Event == manifests.BuildFailed && n.Channel != webhookChannel {
		out = content.Read(r.cfg.Logs, b, hide)
	}
	return content.Make(n, &shown, out, r.cfg.Page), hide, nil
}

// hider takes out the values of the secrets that an instance's manifest names.
// The agents did that already; this is for what reaches the master otherwise.
func (r *Notifier) hider(instance string) func(string) string {
	m := r.manifest(instance)
	if m == nil || r.cfg.Secrets == nil {
		return func(s string) string { return s }
	}
	var pairs []string
	for _, name := range secretsOf(m) {
		value, err := r.cfg.Secrets.ValueFor(instance, name)
		if err != nil {
			continue // what cannot be read was not given to a build either
		}
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); len(line) >= shortest {
				pairs = append(pairs, line, "***")
			}
		}
	}
	return strings.NewReplacer(pairs...).Replace
}

// shortest is how long a secret must be to be looked for, as agents do it.
const shortest = 4

// secretsOf are the names of all secrets that a manifest names.
func secretsOf(m *manifests.Manifest) (names []string) {
	for _, s := range m.Steps {
		for _, v := range s.Env {
			names = appendName(names, v)
		}
	}
	for _, u := range m.Uses() {
		names = appendNames(names, u.Config)
	}
	if m.Notify == nil {
		return names
	}
	for _, w := range m.Notify.Webhooks {
		names = append(names, w.Secret)
	}
	if s := m.Notify.Status; s != nil {
		names = append(names, s.Token)
	}
	return names
}

func appendNames(names []string, v any) []string {
	switch v := v.(type) {
	case string:
		return appendName(names, v)
	case map[string]any:
		for _, item := range v {
			names = appendNames(names, item)
		}
	case []any:
		for _, item := range v {
			names = appendNames(names, item)
		}
	}
	return names
}

func appendName(names []string, v string) []string {
	if name, ok := strings.CutPrefix(v, "secret:"); ok {
		return append(names, name)
	}
	return names
}

func (r *Notifier) manifest(instance string) (m *manifests.Manifest) {
	r.cfg.Store.Read(func(f *state.Facts) { m = manifestOf(f, instance) })
	return m
}

// plugin hands a notice to a notifier, as the manifest names it now.
func (r *Notifier) plugin(ctx context.Context, n *state.Notice, c content.Content) error {
	if r.cfg.Plugins == nil {
		return outcome.Final(errors.New("this master runs no notifiers"))
	}
	name, which, _ := strings.Cut(n.To, " ")
	i, _ := strconv.Atoi(which)
	m := r.manifest(n.Instance)
	if m == nil || m.Notify == nil || i < 1 || i > len(m.Notify.Plugins) || m.Notify.Plugins[i-1].Provider != name {
		return outcome.Final(fmt.Errorf("the manifest of %s names the notifier %s no more", n.Instance, name))
	}
	p := m.Notify.Plugins[i-1]
	config, err := r.opened(n.Instance, p.Config)
	if err != nil {
		return err
	}
	err = r.cfg.Plugins.Notify(ctx, name, notifier.Message{
		Token: n.ID, Event: n.Event, Instance: n.Instance, Build: n.Build, Subject: c.Subject, Text: c.Text, URL: c.Page,
		Recipients: p.Recipients, Config: config, Tags: map[string]string{
			plugins.InstallationTag: r.cfg.Installation, "wright-instance": n.Instance, "wright-build": n.Build,
		},
	})
	if code := plugins.CodeOf(err); err != nil && (code == plugins.Invalid || code == plugins.Unsupported) {
		return outcome.Final(err)
	}
	return err
}

// opened is a table with the values of the secrets that it names.
func (r *Notifier) opened(instance string, table map[string]any) (map[string]any, error) {
	if table == nil {
		return nil, nil
	}
	open := make(map[string]any, len(table))
	for key, v := range table {
		open[key] = v
		switch v := v.(type) {
		case map[string]any:
			sub, err := r.opened(instance, v)
			if err != nil {
				return nil, err
			}
			open[key] = sub
		case string:
			name, ok := strings.CutPrefix(v, "secret:")
			if !ok {
				continue
			}
			value, err := r.cfg.Secrets.ValueFor(instance, name)
			if err != nil {
				return nil, err
			}
			open[key] = value
		}
	}
	return open, nil
}
