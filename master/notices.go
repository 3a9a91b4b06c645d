package master

import (
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/notify"
	"github.com/wright-build/wright/master/notify/mail"
	"github.com/wright-build/wright/master/notify/post"
	"github.com/wright-build/wright/master/secrets"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/watchlist"
	"github.com/wright-build/wright/plugins/host"
	"github.com/wright-build/wright/plugins/notifier"
)

// notifiers are the notifier plugins that the master runs itself.
type notifiers struct{ host *host.Host }

func (n notifiers) Notify(ctx context.Context, provider string, m notifier.Message) error {
	p, err := n.host.Notifier(ctx, provider)
	if err != nil {
		return err
	}
	return p.Notify(ctx, m)
}

// openNotifiers prepares to run notifiers. It starts none.
func openNotifiers(cfg Config, installation string) *host.Host {
	providers := map[string]map[string]any{}
	for name, table := range cfg.Settings.Notify.Providers {
		providers["notifier-"+name] = table
	}
	return host.New(host.Config{
		Dirs: cfg.Settings.Notify.Plugins, StateDir: filepath.Join(cfg.Data, "plugins"), Installation: installation,
		Log: cfg.Log, Providers: providers,
	})
}

// openNotify makes the room that tells of builds.
func openNotify(cfg Config, st *store.Store, output *logs.Logs, secret *secrets.Secrets, plugins *host.Host, installation string) *notify.Notifier {
	c := notify.Config{
		Store: st, Logs: output, Secrets: secret, Plugins: notifiers{plugins}, Page: cfg.Settings.Notify.PublicURL,
		Installation: installation, Log: cfg.Log,
		Post: post.New(post.Config{Hosts: hearers{watchlist.NewHosts(cfg.Settings.Notify.Hosts)}, Secret: secret.ValueFor}),
	}
	if cfg.Settings.SMTP.Host != "" {
		c.Mail = mail.New(mail.Config{SMTPConfig: cfg.Settings.SMTP, Secret: secret.Resolve, Installation: installation})
	}
	return notify.New(c)
}

// hearers are the hosts that manifests may have something sent to: another table
// of the configuration says so than for those that are asked.
type hearers struct{ watchlist.Hosts }

func (h hearers) CheckHost(host string) error { return ofNotify(h.Hosts.CheckHost(host)) }

func (h hearers) CheckAddr(name string, addr netip.Addr) error {
	return ofNotify(h.Hosts.CheckAddr(name, addr))
}

func ofNotify(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(strings.ReplaceAll(err.Error(), "hosts.loopback", "notify.loopback"))
}

// notices tells the faces who is still to hear of what.
type notices struct{ *notify.Notifier }

func (n notices) Notices() []view.Notice {
	all := []view.Notice{}
	for _, d := range n.List() {
		all = append(all, view.Notice{
			ID: d.ID, Channel: d.Channel, Event: d.Event, Instance: d.Instance, Build: d.Build, To: d.Where, DueAt: d.At,
			Tries: d.Tries, NextAt: d.NextAt, GivenUpAt: d.GivenUpAt, Error: d.Why,
		})
	}
	return all
}
