package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/api/view"
)

func (a *app) manifest() *cobra.Command {
	return group("manifest", "manifests: are they right, are they in force", a.manifestCheck(), a.manifestList())
}

// finding is a remark on a manifest.
type finding struct {
	view.Problem
	Severity string `json:"severity"` // error, note
}

// findings is what manifest check has to say.
type findings struct {
	good  int
	errs  []finding
	notes []finding
}

func (a *app) manifestCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check FILE|DIR...", Short: "check manifests without a master",
		Long: "Check manifests without a master. Errors come as FILE:LINE:COLUMN; a directory stands\n" +
			"for every *.toml in it. Exit status 1 if there is any error.",
		Args: arguments,
		RunE: func(_ *cobra.Command, args []string) error {
			var f findings
			for _, path := range args {
				if err := f.check(path); err != nil {
					return err
				}
			}
			return a.printFindings(f)
		},
	}
}

func (f *findings) check(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("check a manifest: %w", err)
	}
	if !info.IsDir() {
		return f.checkFile(path)
	}
	snap, err := manifests.ReadDir(path)
	if err != nil {
		return fmt.Errorf("check the manifests in %s: %w", path, err)
	}
	for _, name := range slices.Sorted(maps.Keys(snap.Errors)) {
		f.bad(name, snap.Errors[name])
	}
	for _, name := range slices.Sorted(maps.Keys(snap.Manifests)) {
		f.fine(snap.Manifests[name])
	}
	return nil
}

func (f *findings) checkFile(path string) error {
	m, err := manifests.ReadFile(path)
	if err == nil {
		f.fine(m)
		return nil
	}
	name, nameErr := manifests.InstanceName(path)
	if nameErr != nil {
		name = path
	}
	var errs manifests.Errors
	if !errors.As(err, &errs) {
		return fmt.Errorf("check %s: %w", path, err)
	}
	f.bad(name, errs)
	return nil
}

func (f *findings) bad(name string, errs manifests.Errors) {
	for _, p := range view.Problems(name, errs) {
		f.errs = append(f.errs, finding{p, "error"})
	}
}

func (f *findings) fine(m *manifests.Manifest) {
	f.good++
	for _, n := range m.NoEffectYet {
		f.notes = append(f.notes, finding{view.Problem{
			Instance: m.Instance, File: n.Place.File, Line: n.Place.Line, Column: n.Place.Column, Key: n.Key, Message: n.Message,
		}, "note"})
	}
}

func (a *app) printFindings(f findings) error {
	if a.format == "json" {
		if err := a.printJSON(append(append([]finding{}, f.errs...), f.notes...)); err != nil {
			return err
		}
	} else {
		for _, e := range f.errs {
			fmt.Fprintln(a.stderr, visible(e.String()))
		}
		for _, n := range f.notes {
			fmt.Fprintln(a.stdout, visible(n.String())+" (note)")
		}
		fmt.Fprintf(a.stdout, "%d good, %s\n", f.good, count(len(f.errs), "error"))
	}
	if len(f.errs) > 0 {
		return errFailed
	}
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// manifestRow is a manifest file as the master sees it.
type manifestRow struct {
	Name    string         `json:"name"`
	File    string         `json:"file"`
	InForce bool           `json:"in_force"` // a good version of it, maybe not the last one
	Errors  []view.Problem `json:"errors"`
}

func (a *app) manifestList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "list the manifests in force, and those with errors", Args: arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			instances, err := c.Instances(cmd.Context())
			if err != nil {
				return err
			}
			problems, err := c.Problems(cmd.Context())
			if err != nil {
				return err
			}
			return a.printManifests(manifestRows(instances, problems))
		},
	}
}

func manifestRows(instances []view.Instance, problems []view.Problem) []manifestRow {
	byName := map[string][]view.Problem{}
	for _, p := range problems {
		byName[p.Instance] = append(byName[p.Instance], p)
	}
	rows := []manifestRow{}
	for _, i := range instances {
		errs := byName[i.Name]
		if !i.InForce && len(errs) == 0 {
			continue // it has no manifest any more
		}
		rows = append(rows, manifestRow{i.Name, i.File, i.InForce, append([]view.Problem{}, errs...)})
	}
	return rows
}

func (a *app) printManifests(rows []manifestRow) error {
	t := table{head: []string{"INSTANCE", "MANIFEST", "FILE", "FIRST ERROR"}, empty: "there are no manifests"}
	for _, r := range rows {
		state, problem := "in force", ""
		if len(r.Errors) > 0 {
			state, problem = "errors", r.Errors[0].String()
			if r.InForce {
				state = "errors; the last good version is in force"
			}
		}
		t.row(r.Name, state, r.File, problem)
	}
	return a.print(rows, t)
}
