package agent

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
)

// Config says what an agent is and where it keeps its things.
type Config struct {
	Name         string                    // unique among the agents of a master; default the host's name
	Address      string                    // of the master: http://host:port
	Token        string                    // shown to the master; may be empty on loopback
	Data         string                    // directory of its own; made if missing
	Slots        int                       // builds at once; default the number of processors
	Capabilities []string                  // "postgresql 15.4 port=5433"
	Providers    map[string]map[string]any // settings of providers, such as of "dns-hosts"
	Plugins      []string                  // where provider plugins are; default plugins/ beside the program
	Supervisor   []string                  // command that runs the supervisor for the directory appended to it
	Version      string
	Log          *slog.Logger
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
	if len(c.Supervisor) == 0 {
		c.Supervisor = []string{self, "internal-supervise"}
	}
	return nil
}
