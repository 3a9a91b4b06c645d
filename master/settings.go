package master

import (
	"cmp"
	"fmt"
	"path/filepath"
	"syscall"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/artifacts"
	"github.com/wright-build/wright/master/catalog/repos"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/poll"
	"github.com/wright-build/wright/master/retain"
	"github.com/wright-build/wright/master/secrets"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/watchlist"
)

// pollConfig is how remotes are asked: the file counts before the command line.
func pollConfig(cfg Config, logins *secrets.Logins) poll.Config {
	set := cfg.Settings
	return poll.Config{
		Interval: cmp.Or(set.Poll.Interval, cfg.Poll), MaxInterval: set.Poll.MaxInterval,
		Timeout: set.Poll.Timeout, PerHost: set.Poll.PerHost,
		Rewrites: set.Rewrites, Hosts: watchlist.NewHosts(set.Hosts), Logins: pollLogins{logins},
	}
}

// retainConfig is how long what builds wrote is kept.
func retainConfig(cfg Config, st *store.Store, output *logs.Logs, kept *artifacts.Store) retain.Config {
	rule := manifests.DefaultRetention()
	if cfg.Settings.Retention != nil {
		rule = *cfg.Settings.Retention
	}
	return retain.Config{
		Store: st, Output: output.Everywhere(), Artifacts: kept, Rule: rule, MinFree: int64(cfg.Settings.MinFreeMiB) << 20, Log: cfg.Log,
		Disk: func() (int64, error) {
			var fs syscall.Statfs_t
			if err := syscall.Statfs(cfg.Data, &fs); err != nil {
				return 0, fmt.Errorf("look how full the disk of %s is: %w", cfg.Data, err)
			}
			return int64(fs.Bavail * uint64(fs.Bsize)), nil
		},
	}
}

// openManifests opens the directory of manifests, nil if there is none.
func openManifests(cfg Config) (*manifests.Dir, error) {
	if cfg.Manifests == "" {
		return nil, nil
	}
	return manifests.OpenDir(cfg.Manifests, cfg.Log)
}

// openRepos prepares to follow the repositories of manifests.
func openRepos(cfg Config, logins *secrets.Logins) (*repos.Repos, error) {
	r := repos.New(repos.Config{
		Repos: cfg.Settings.Repos, Dir: filepath.Join(cfg.Data, "manifests"), Log: cfg.Log,
		Interval: cmp.Or(cfg.Settings.Poll.Interval, cfg.Poll), Timeout: cfg.Settings.Poll.Timeout,
		Logins: repoLogins{logins},
	})
	if err := r.Prepare(); err != nil {
		return nil, fmt.Errorf("prepare the clones of manifests: %w", err)
	}
	return r, nil
}
