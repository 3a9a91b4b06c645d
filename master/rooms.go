package master

import (
	"context"
	"path/filepath"

	"github.com/wright-build/wright/master/activate"
	"github.com/wright-build/wright/master/catalog"
	"github.com/wright-build/wright/master/catalog/repos"
	"github.com/wright-build/wright/master/dispatch"
	"github.com/wright-build/wright/master/notify"
	"github.com/wright-build/wright/master/poll"
	"github.com/wright-build/wright/master/reap"
	"github.com/wright-build/wright/master/retain"
	"github.com/wright-build/wright/master/schedule"
	"github.com/wright-build/wright/master/secrets"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/watchlist"
	"github.com/wright-build/wright/plugins/host"
)

// rooms are the parts of a master that leads, made anew for each term.
type rooms struct {
	*house
	store    *store.Store // refuses what is written after the term
	secrets  *secrets.Secrets
	catalog  *catalog.Catalog
	repos    *repos.Repos
	poll     *poll.Poller
	schedule *schedule.Scheduler
	dispatch *dispatch.Dispatcher
	activate *activate.Activator
	reap     *reap.Reaper
	retain   *retain.Retainer
	notify   *notify.Notifier
	plugins  *host.Host // notifiers
}

// loops are what makes the rooms work.
func (r *rooms) loops() map[string]func(context.Context) error {
	loops := map[string]func(context.Context) error{
		"catalog":  r.catalog.Run,
		"poll":     r.poll.Run,
		"schedule": r.schedule.Run,
		"dispatch": r.dispatch.Run,
		"activate": r.activate.Run,
		"notify":   r.notify.Run,
		"reap":     r.reap.Run,
		"retain":   r.retain.Run,
	}
	if r.embedded != nil {
		loops["tidy"] = func(ctx context.Context) error { return r.store.Tidy(ctx, r.embedded) }
	}
	return loops
}

// open makes the rooms of a term over its store.
func (h *house) open(st *store.Store) (*rooms, error) {
	cfg := h.cfg
	dir, err := openManifests(cfg)
	if err != nil {
		return nil, err
	}
	secret := h.secrets(st)
	logins := secrets.NewLogins(secret, cfg.Settings.Credentials)
	repositories, err := openRepos(cfg, logins)
	if err != nil {
		return nil, err
	}
	act := activate.New(st, cfg.Log)
	asker := poll.New(st, pollConfig(cfg, logins), cfg.Log)
	plugins := openNotifiers(cfg, h.installation)
	hands := dispatch.New(dispatch.Config{
		Store: st, Output: h.logs, Artifacts: h.artifacts, Operations: act, Refused: filepath.Join(cfg.Data, "refused"),
		Credentials: logins, Secrets: secret, Hosts: watchlist.NewHosts(cfg.Settings.Hosts),
		Installation: h.installation, Lease: cfg.AgentLease, Log: cfg.Log,
	})
	return &rooms{
		house: h, store: st, secrets: secret, activate: act,
		catalog:  catalog.New(st, dir, repositories, cfg.Log),
		repos:    repositories,
		poll:     asker,
		schedule: schedule.New(st, polls{asker}, cfg.Log),
		dispatch: hands,
		reap:     reap.New(reap.Config{Store: st, Agents: hands, Installation: h.installation, Interval: cfg.Reap, After: cfg.ReapAfter, Log: cfg.Log}),
		retain:   retain.New(retainConfig(cfg, st, h.logs, h.artifacts)),
		plugins:  plugins,
		notify:   openNotify(cfg, st, h.logs, secret, plugins, h.installation),
	}, nil
}

// secrets opens those that a store keeps.
func (h *house) secrets(st *store.Store) *secrets.Secrets {
	return secrets.New(st, filepath.Join(h.cfg.Data, "secrets.key"))
}
