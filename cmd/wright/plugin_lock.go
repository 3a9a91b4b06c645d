package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/plugins/host"
)

// lockRow is what became of one plugin's place in the lock file.
type lockRow struct {
	File    string `json:"file"`
	Change  string `json:"change"` // new, changed, gone, same
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
	Was     string `json:"was"` // the sum before, if another
}

func (a *app) pluginLock() *cobra.Command {
	var check, idle bool
	cmd := &cobra.Command{
		Use: "lock [DIR]", Short: "write plugins.lock: only what is in it is launched",
		Long: "Write DIR/plugins.lock (default: the directory beside this program). From then on only the\n" +
			"plugins in it are launched from there, and only as they are now. Look at what is new or\n" +
			"changed: you vouch for it. With --check nothing is written, and the exit status is 1 if\n" +
			"the lock file does not allow just what is there.",
		Args: arguments, ValidArgsFunction: dirArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := cmp.Or(append(args, defaultPlugins()...)...)
			if check {
				return a.checkLock(dir)
			}
			rows, err := a.lock(cmd.Context(), dir, idle)
			if err != nil {
				return err
			}
			return a.printLock(rows)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "write nothing, say what differs")
	cmd.Flags().BoolVar(&idle, "no-launch", false, "do not ask the plugins for their versions, which are for people only")
	return cmd
}

func dirArgument(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// lock writes the lock file and says what became of it.
func (a *app) lock(ctx context.Context, dir string, idle bool) ([]lockRow, error) {
	before, err := host.ReadLock(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(a.stderr, "wright: "+visible(err.Error())+": it is replaced")
	}
	now, err := host.LockDir(dir)
	if err != nil {
		return nil, err
	}
	// Written before they are launched: what changes meanwhile is refused.
	if err := host.WriteLock(dir, now); err != nil {
		return nil, err
	}
	if !idle {
		a.addVersions(ctx, dir, now)
		if err := host.WriteLock(dir, now); err != nil {
			return nil, err
		}
	}
	return lockChanges(before, now), nil
}

// addVersions asks the plugins for what people like to read.
func (a *app) addVersions(ctx context.Context, dir string, entries []host.LockEntry) {
	h := a.pluginHost([]string{dir})
	defer func() { _ = h.Close() }()
	for _, p := range describeAll(ctx, h, h.Plugins()) {
		i := slices.IndexFunc(entries, func(e host.LockEntry) bool { return e.File == "wright-"+string(p.Kind)+"-"+p.Name })
		switch {
		case p.err != nil:
			fmt.Fprintln(a.stderr, "wright: it is locked without its version: "+visible(p.err.Error()))
		case i >= 0:
			entries[i].Version, entries[i].Protocol = visible(p.about.Version), p.about.Protocol
		}
	}
}

// lockChanges compares two lock files.
func lockChanges(before, now []host.LockEntry) []lockRow {
	old := map[string]host.LockEntry{}
	for _, e := range before {
		old[e.File] = e
	}
	rows := []lockRow{}
	for _, e := range now {
		was, there := old[e.File]
		delete(old, e.File)
		switch {
		case !there:
			rows = append(rows, lockRow{e.File, "new", e.Version, e.SHA256, ""})
		case was.SHA256 != e.SHA256:
			rows = append(rows, lockRow{e.File, "changed", e.Version, e.SHA256, was.SHA256})
		default:
			rows = append(rows, lockRow{e.File, "same", e.Version, e.SHA256, ""})
		}
	}
	for _, file := range slices.Sorted(maps.Keys(old)) {
		rows = append(rows, lockRow{file, "gone", old[file].Version, "", old[file].SHA256})
	}
	return rows
}

func (a *app) printLock(rows []lockRow) error {
	t := table{head: []string{"CHANGE", "FILE", "VERSION", "SHA256", "WAS"}, empty: "no plugin is there, and none is allowed any more"}
	for _, r := range rows {
		t.row(r.Change, r.File, r.Version, r.SHA256, r.Was)
	}
	return a.print(rows, t)
}

func (a *app) checkLock(dir string) error {
	problems := host.Verify([]string{dir})
	if a.format == "json" {
		rows := []map[string]string{}
		for _, p := range problems {
			rows = append(rows, map[string]string{"dir": p.Dir, "file": p.File, "error": p.Err.Error()})
		}
		if err := a.printJSON(rows); err != nil {
			return err
		}
	} else {
		for _, p := range problems {
			message := p.Err.Error()
			if errors.Is(p.Err, host.ErrNoLock) {
				message = p.Dir + ": " + message
			}
			fmt.Fprintln(a.stderr, "wright: "+visible(message))
		}
	}
	if len(problems) > 0 {
		return errFailed
	}
	return nil
}
