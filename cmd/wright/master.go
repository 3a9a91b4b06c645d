package main

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master"
)

// masterFlags are what master run and dev have in common.
type masterFlags struct {
	data, manifests, listen, tokenFile string
	configFile, advertise              string
	etcd                               etcdFlags
	poll, agentLease, leaderLease      time.Duration
	reap, reapAfter                    time.Duration
}

func (f *masterFlags) define(cmd *cobra.Command, data string, poll time.Duration) {
	flags := cmd.Flags()
	flags.StringVar(&f.data, "data", data, "`DIR` for everything that is kept")
	flags.StringVar(&f.manifests, "manifests", "", "`DIR` with one manifest per instance (default \"manifests\", or none where the configuration names repositories)")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "`HOST:PORT` of the pages, the API and the agents")
	flags.DurationVar(&f.poll, "poll", poll, "how often each remote is asked")
	flags.DurationVar(&f.agentLease, "agent-lease", 30*time.Second, "silence after which an agent counts as gone and its builds are tried elsewhere")
	flags.DurationVar(&f.reap, "reap", reapEvery, "how often providers are asked what they hold that nobody owns; 0 for never")
	flags.DurationVar(&f.reapAfter, "reap-after", reapEvery, "how long nobody must have owned something until it is ended")
	flags.StringVar(&f.configFile, "config", "", "TOML `FILE` with the master's configuration")
	_ = cmd.MarkFlagFilename("config", "toml")
	_ = cmd.MarkFlagDirname("data")
	_ = cmd.MarkFlagDirname("manifests")
}

// reapEvery is how often providers are asked, and how long what they hold must
// have been nobody's.
const reapEvery = 10 * time.Minute

// minLease leaves an agent time for three words within its lease.
const minLease = 3 * time.Second

// config checks the flags.
func (f *masterFlags) config(a *app) (cfg master.Config, err error) {
	if _, _, err := net.SplitHostPort(f.listen); err != nil {
		return cfg, usage("--listen %q is not HOST:PORT", f.listen)
	}
	if f.poll < 100*time.Millisecond {
		return cfg, usage("--poll %s is too often: at least 100ms", f.poll)
	}
	if f.agentLease < minLease || f.agentLease%time.Second != 0 {
		return cfg, usage("--agent-lease %s: whole seconds, at least %s", f.agentLease, minLease)
	}
	if f.reap < 0 || f.reapAfter < 0 || f.reap > 0 && f.reap < time.Second {
		return cfg, usage("--reap %s --reap-after %s: at least 1s, or --reap 0 for never", f.reap, f.reapAfter)
	}
	if f.leaderLease%time.Second != 0 || len(f.etcd.cluster.Endpoints) > 0 && f.leaderLease < 2*time.Second {
		return cfg, usage("--leader-lease %s: whole seconds, at least 2s", f.leaderLease)
	}
	if err := checkAdvertise(f.advertise); err != nil {
		return cfg, err
	}
	cfg = master.Config{
		Advertise: f.advertise, LeaderLease: f.leaderLease,
		Reap: cmp.Or(f.reap, -1), ReapAfter: cmp.Or(f.reapAfter, 1),
		Listen: f.listen, Poll: f.poll, AgentLease: f.agentLease, Version: thisVersion().Version, Log: a.logger(),
	}
	if cfg.Etcd, err = f.etcd.read(); err != nil {
		return cfg, err
	}
	if cfg.Data, err = filepath.Abs(f.data); err != nil {
		return cfg, fmt.Errorf("find the data directory: %w", err)
	}
	if cfg.Settings, err = readConfig(f.configFile); err != nil {
		return cfg, err
	}
	if len(cfg.Settings.Notify.Plugins) == 0 {
		cfg.Settings.Notify.Plugins = defaultPlugins()
	}
	if cfg.Manifests, err = manifestsDir(f.manifests, cfg.Settings); err != nil {
		return cfg, fmt.Errorf("find the manifests: %w", err)
	}
	if f.tokenFile != "" {
		cfg.Token, err = readToken(f.tokenFile)
	}
	return cfg, err
}

// checkAdvertise refuses what is no address of a master.
func checkAdvertise(address string) error {
	u, err := url.Parse(address)
	if address != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "") {
		return usage("--advertise %q: want http://host:port", address)
	}
	return nil
}

// manifestsDir is the directory of manifests: the one given, or else none where
// repositories are followed.
func manifestsDir(given string, settings manifests.Config) (string, error) {
	if given == "" && len(settings.Repos) > 0 {
		return "", nil
	}
	return filepath.Abs(cmp.Or(given, "manifests"))
}

// readConfig reads the configuration file; "" is an empty one.
func readConfig(file string) (manifests.Config, error) {
	var text []byte
	if file != "" {
		var err error
		if text, err = os.ReadFile(file); err != nil {
			return manifests.Config{}, fmt.Errorf("read the configuration: %w", err)
		}
	}
	c, err := manifests.ParseConfig(file, text)
	if err != nil {
		return manifests.Config{}, usage("the configuration is not right:\n%v", err)
	}
	return *c, nil
}

func (a *app) masterRun() *cobra.Command {
	var f masterFlags
	cmd := &cobra.Command{
		Use: "run", Short: "run a master", Args: arguments, PreRun: a.lasting(masterBallast),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.tokenFile = a.tokenFile
			cfg, err := f.config(a)
			if err != nil {
				return err
			}
			cfg.Ready = func(address string) { fmt.Fprintln(a.stdout, "ready", address) }
			if os.Getenv("GOGC") == "" {
				debug.SetGCPercent(50) // what is watched stays for long: less memory, for hardly any time
			}
			return stopped(cmd.Context(), master.Run(cmd.Context(), cfg))
		},
	}
	f.define(cmd, "wright-data", time.Minute)
	f.etcd.define(cmd, "`URLs` of an etcd cluster, over which several masters may run, one of them leading (default: embedded)")
	flags := cmd.Flags()
	flags.StringVar(&f.advertise, "advertise", "", "`URL` at which agents and other masters of a cluster reach this one (default where it listens)")
	flags.DurationVar(&f.leaderLease, "leader-lease", 3*time.Second, "silence after which another master of a cluster leads")
	return cmd
}
