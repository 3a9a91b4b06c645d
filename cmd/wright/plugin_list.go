package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/plugins/host"
)

// pluginRow is one plugin found on this machine.
type pluginRow struct {
	Kind         string   `json:"kind"`
	Name         string   `json:"name"`
	Version      string   `json:"version"`  // empty if it was not asked, or does not say
	Protocol     int      `json:"protocol"` // likewise 0
	Capabilities []string `json:"capabilities"`
	Locked       string   `json:"locked"` // yes, no: its directory has no lock file, refused
	Path         string   `json:"path"`
	Error        string   `json:"error"` // why it cannot be launched
}

func (a *app) pluginList() *cobra.Command {
	var dirs []string
	var idle bool
	cmd := &cobra.Command{
		Use: "list", Short: "list the plugins that an agent here would find",
		Long: "List the plugins that an agent here would find. Each is launched for a moment and asked\n" +
			"for its version and capabilities; --no-launch only looks. LOCKED is yes for what\n" +
			"plugins.lock allows, no in a directory without one, refused for what it does not allow.",
		Args: arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h := a.pluginHost(dirs)
			defer func() { _ = h.Close() }()
			var all []described
			if found := h.Plugins(); idle {
				for _, p := range found {
					all = append(all, described{Info: p})
				}
			} else {
				all = describeAll(cmd.Context(), h, found)
			}
			return a.printPlugins(pluginRows(all, lockStates(dirs)))
		},
	}
	lookInto(cmd, &dirs)
	cmd.Flags().BoolVar(&idle, "no-launch", false, "launch none of them, and leave out what only they know")
	return cmd
}

func (a *app) printPlugins(rows []pluginRow) error {
	t := table{head: []string{"KIND", "NAME", "VERSION", "PROTOCOL", "CAPABILITIES", "LOCKED", "PATH"}, empty: "there are no plugins here"}
	for _, r := range rows {
		protocol := ""
		if r.Protocol > 0 {
			protocol = strconv.Itoa(r.Protocol)
		}
		t.row(r.Kind, r.Name, r.Version, protocol, strings.Join(r.Capabilities, ","), r.Locked, r.Path)
		if r.Error != "" && a.format != "json" {
			fmt.Fprintln(a.stderr, "wright: "+visible(r.Error))
		}
	}
	return a.print(rows, t)
}

func pluginRows(all []described, locks lockState) []pluginRow {
	rows := []pluginRow{}
	for _, p := range all {
		r := pluginRow{Kind: string(p.Kind), Name: p.Name, Path: p.Path, Capabilities: []string{}}
		var refused error
		r.Locked, refused = locks.of(p.Path)
		if p.about != nil {
			r.Version, r.Protocol = p.about.Version, p.about.Protocol
			r.Capabilities = append(r.Capabilities, p.about.Capabilities...)
		}
		if p.err != nil {
			r.Error = p.err.Error()
		} else if refused != nil {
			r.Error = refused.Error()
		}
		rows = append(rows, r)
	}
	return rows
}

// lockState is what the lock files of some directories object to, by file or
// directory.
type lockState map[string]error

func lockStates(dirs []string) lockState {
	s := lockState{}
	for _, dir := range dirs {
		abs, err := filepath.Abs(dir)
		if err != nil {
			abs = dir
		}
		for _, p := range host.Verify([]string{abs}) {
			s[filepath.Join(abs, p.File)] = p.Err
		}
	}
	return s
}

// of says whether a plugin is locked; the error is why it is refused.
func (s lockState) of(path string) (string, error) {
	if err := s[path]; err != nil {
		return "refused", err
	}
	switch err := s[filepath.Dir(path)]; {
	case errors.Is(err, host.ErrNoLock):
		return "no", nil
	case err != nil:
		return "refused", err
	}
	return "yes", nil
}
