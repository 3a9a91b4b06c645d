package agent

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/wright-build/wright/agent/room"
	"github.com/wright-build/wright/agent/workspace/cache"
	"github.com/wright-build/wright/plugins/host"
)

// Config says what an agent is and where it keeps its things.
type Config struct {
	Name         string                    // unique among the agents of a master; default the host's name
	Address      string                    // of the master, or of several with commas between them: http://host:port
	Token        string                    // shown to the master; may be empty on loopback
	Data         string                    // directory of its own; made if missing
	Slots        int                       // builds at once; default the number of processors
	Capabilities []string                  // "postgresql 15.4 port=5433"
	Pools        []string                  // takes only builds for these; none: only builds for none
	Providers    map[string]map[string]any // settings of providers, such as of "dns-hosts"
	Plugins      []string                  // where provider plugins are; default plugins/ beside the program
	PluginsLock  bool                      // launch only what a plugins.lock beside it allows
	PluginLimits host.Limits               // of each plugin; the zero value is host's default
	CacheBytes   int64                     // of what builds fetched, for later ones; 0: nothing is kept
	CacheAge     time.Duration             // since its last use; 0: any
	MinFree      room.Mark                 // of the disk of Data; below it no build is taken; the zero value: any
	Supervisor   []string                  // command that runs the supervisor for the directory appended to it
	Opener       string                    // program that git and ssh ask for a build's logins; default this one
	Version      string
	Log          *slog.Logger
}

// openCache opens what earlier builds fetched, nil if that is not kept.
func (c *Config) openCache() *cache.Cache {
	if c.CacheBytes <= 0 {
		return nil
	}
	return cache.Open(filepath.Join(c.Data, "cache"), cache.Limits{Bytes: c.CacheBytes, Age: c.CacheAge})
}

// complete fills in the defaults and refuses what cannot work.
func (c *Config) complete() error {
	if c.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			return err
		}
		c.Name = host
	}
	if c.Slots == 0 {
		c.Slots = runtime.NumCPU()
	}
	if c.Data == "" {
		return errors.New("an agent needs a data directory: give --data")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	var err error
	if c.Data, err = filepath.Abs(c.Data); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if len(c.Plugins) == 0 {
		c.Plugins = []string{filepath.Join(filepath.Dir(self), "plugins")}
	}
	if c.Opener == "" {
		c.Opener = self
	}
	if len(c.Supervisor) == 0 {
		c.Supervisor = []string{self, "internal-supervise"}
	}
	return nil
}
