package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/host"
)

func (a *app) plugin() *cobra.Command {
	return group("plugin", "provider plugins: those of this machine, and making your own",
		a.pluginList(), a.pluginInfo(), a.pluginLock(), a.pluginVerify(), a.pluginDocs(), a.pluginInit())
}

// defaultPlugins is where make build puts them: beside the binary.
func defaultPlugins() []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{filepath.Join(filepath.Dir(self), "plugins")}
}

// lookInto has a command take the directories of plugins.
func lookInto(cmd *cobra.Command, dirs *[]string) {
	cmd.Flags().StringArrayVar(dirs, "plugins", defaultPlugins(), "look into this `DIR`; may be repeated")
	_ = cmd.MarkFlagDirname("plugins")
}

// pluginHost is a host that runs plugins only to ask what they are. What a
// plugin itself says is shown from warnings on, or all with --log-level debug.
func (a *app) pluginHost(dirs []string) *host.Host {
	level, _ := a.level()
	if level == slog.LevelInfo {
		level = slog.LevelWarn
	}
	log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
	return host.New(host.Config{Dirs: dirs, StateDir: os.TempDir(), Log: log})
}

// described is what a plugin said of itself, or why it said nothing.
type described struct {
	host.Info
	about *plugins.Description
	err   error
}

// describeAll asks plugins what they are, some at a time.
func describeAll(ctx context.Context, h *host.Host, found []host.Info) []described {
	const atOnce = 4
	all := make([]described, len(found))
	turns := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, p := range found {
		wg.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			about, err := h.Describe(ctx, p.Kind, p.Name)
			all[i] = described{p, about, err}
		})
	}
	wg.Wait()
	return all
}

// choosePlugin finds the plugin that a person means: by its file, its name, or
// kind and name where several have it.
func choosePlugin(dirs []string, arg string) (string, host.Info, error) {
	if strings.ContainsRune(arg, filepath.Separator) {
		return pluginFile(arg)
	}
	var found []host.Info
	for _, p := range host.New(host.Config{Dirs: dirs}).Plugins() {
		if slices.Contains([]string{p.Name, string(p.Kind) + "-" + p.Name, plugins.BinaryName(p.Kind, p.Name)}, arg) {
			found = append(found, p)
		}
	}
	switch {
	case len(found) == 1:
		return filepath.Dir(found[0].Path), found[0], nil
	case len(found) > 1:
		var names []string
		for _, p := range found {
			names = append(names, string(p.Kind)+"-"+p.Name)
		}
		return "", host.Info{}, usage("%s may be %s: which one?", arg, strings.Join(names, " or "))
	}
	if _, err := os.Stat(arg); err == nil {
		return pluginFile("." + string(filepath.Separator) + arg)
	}
	return "", host.Info{}, errors.New("there is no plugin " + arg + " in " + cmp.Or(strings.Join(dirs, ", "), "no directory at all") + ": wright plugin list names those there are")
}

// pluginFile is the plugin in a file.
func pluginFile(path string) (dir string, p host.Info, err error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", host.Info{}, err
	}
	dir = filepath.Dir(abs)
	for _, p := range host.New(host.Config{Dirs: []string{dir}}).Plugins() {
		if p.Path == abs {
			return dir, p, nil
		}
	}
	if _, err := os.Stat(abs); err != nil {
		return "", host.Info{}, err
	}
	return "", host.Info{}, usage("%s is no executable file called wright-KIND-NAME with one of the kinds %s", path, kindNames())
}

func kindNames() string {
	var names []string
	for _, k := range plugins.Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// completePlugins offers the plugins that are found, for the first argument.
func completePlugins(dirs *[]string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for _, p := range host.New(host.Config{Dirs: *dirs}).Plugins() {
			names = append(names, string(p.Kind)+"-"+p.Name+"\t"+p.Path)
		}
		return names, cobra.ShellCompDirectiveDefault
	}
}
