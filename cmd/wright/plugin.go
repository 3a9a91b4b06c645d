package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/plugins/host"
)

// pluginRow is one plugin found on this machine.
type pluginRow struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	Path string `json:"path"`
}

func (a *app) plugin() *cobra.Command {
	return group("plugin", "the provider plugins of this machine", a.pluginList())
}

func (a *app) pluginList() *cobra.Command {
	var dirs []string
	cmd := &cobra.Command{
		Use: "list", Short: "list the plugins that an agent here would find", Args: arguments,
		RunE: func(*cobra.Command, []string) error {
			rows := []pluginRow{}
			t := table{head: []string{"KIND", "NAME", "PATH"}, empty: "there are no plugins here"}
			for _, p := range host.New(host.Config{Dirs: dirs}).Plugins() {
				rows = append(rows, pluginRow{string(p.Kind), p.Name, p.Path})
				t.row(string(p.Kind), p.Name, p.Path)
			}
			return a.print(rows, t)
		},
	}
	cmd.Flags().StringArrayVar(&dirs, "plugins", defaultPlugins(), "look into this `DIR`; may be repeated")
	return cmd
}

// defaultPlugins is where make build puts them: beside the binary.
func defaultPlugins() []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{filepath.Join(filepath.Dir(self), "plugins")}
}
