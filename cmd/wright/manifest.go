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
	return group("manifest", "manifests: are they right, are they in force", a.manifestCheck(), a.manifestList(), a.manifestRepos(), a.manifestSchema())
}

// finding is a remark on a manifest.
type finding struct {
	view.Problem
	Severity string `json:"severity"` // error, warning, note
}

// findings is what manifest check has to say.
type findings struct {
	read  []*manifests.Manifest // those that are right as far as they can be without their providers
	good  int
	errs  []finding
	notes []finding
}

func (a *app) manifestCheck() *cobra.Command {
	var dirs []string
	cmd := &cobra.Command{
		Use: "check FILE|DIR...", Short: "check manifests without a master",
		Long: "Check manifests without a master. Errors come as FILE:LINE:COLUMN; a directory stands\n" +
			"for every *.toml in it. The tables of providers are held against what the plugins found\n" +
			"here say of themselves; what cannot be checked is a note. Exit status 1 if there is any error.",
		Args: arguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			var f findings
			for _, path := range args {
				if err := f.check(path); err != nil {
					return err
				}
			}
			f.circles()
			f.provided(a.askProviders(cmd.Context(), dirs, f.read))
			return a.printFindings(f)
		},
	}
	lookInto(cmd, &dirs)
	return cmd
}

// circles adds what is wrong with manifests that follow each other, and whom
// they follow that is not here.
func (f *findings) circles() {
	all := make(map[string]*manifests.Manifest, len(f.read))
	known := map[string]bool{}
	for _, m := range f.read {
		all[m.Instance], known[m.Instance] = m, true
	}
	for _, e := range f.errs {
		known[e.Instance] = true
	}
	for _, m := range f.read {
		for _, name := range m.When.After {
			if !known[name] && len(known) > 1 { // of a single file nobody knows what is beside it
				f.notes = append(f.notes, finding{view.Problem{
					Instance: m.Instance, File: m.When.Place.File, Line: m.When.Place.Line, Column: m.When.Place.Column,
					Key: "after", Message: "after: there is no manifest of " + name + " here",
				}, "note"})
			}
		}
	}
	wrong := manifests.Cycles(all)
	for _, name := range slices.Sorted(maps.Keys(wrong)) {
		f.bad(name, wrong[name])
	}
	f.read = slices.DeleteFunc(f.read, func(m *manifests.Manifest) bool { return wrong[m.Instance] != nil })
}

// provided adds what the providers make of their tables.
func (f *findings) provided(known providers) {
	for _, m := range f.read {
		good := true
		for _, found := range placed(m, known.remarks(m)) {
			if found.Severity == "note" {
				f.notes = append(f.notes, found)
				continue
			}
			f.errs, good = append(f.errs, found), false
		}
		if good {
			f.good++
		}
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
	f.read = append(f.read, m)
	for _, n := range m.Notes {
		severity := "note"
		if n.Key == "periodic" {
			severity = "warning"
		}
		f.notes = append(f.notes, finding{view.Problem{
			Instance: m.Instance, File: n.Place.File, Line: n.Place.Line, Column: n.Place.Column, Key: n.Key, Message: n.Message,
		}, severity})
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
			fmt.Fprintln(a.stdout, visible(n.String())+" ("+n.Severity+")")
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
	Name string `json:"name"`
	view.Manifest
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
			repos, err := c.ManifestRepos(cmd.Context())
			if err != nil {
				return err
			}
			for _, r := range repos {
				if r.Error != "" {
					fmt.Fprintln(a.stderr, visible(fmt.Sprintf("%s cannot be followed, what was in force stays: %s", r.URL, r.Error)))
				}
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
		rows = append(rows, manifestRow{i.Name, i.Manifest, i.InForce, append([]view.Problem{}, errs...)})
	}
	return rows
}

func (a *app) printManifests(rows []manifestRow) error {
	fromGit := slices.ContainsFunc(rows, func(r manifestRow) bool { return r.Commit != "" })
	t := table{head: []string{"INSTANCE", "MANIFEST", "FILE", "FIRST ERROR"}, empty: "there are no manifests"}
	if fromGit {
		t.head = slices.Insert(t.head, 3, "COMMIT")
	}
	for _, r := range rows {
		state, problem := "in force", ""
		if len(r.Errors) > 0 {
			state, problem = "errors", r.Errors[0].String()
			if r.InForce {
				state = "errors; the last good version is in force"
			}
		}
		cells := []string{r.Name, state, inRepo(r.Manifest), problem}
		if fromGit {
			cells = slices.Insert(cells, 3, r.By())
		}
		t.row(cells...)
	}
	return a.print(rows, t)
}

// inRepo is where a manifest is.
func inRepo(m view.Manifest) string {
	if m.Repo == "" {
		return m.File
	}
	return m.File + " in " + m.Repo
}

func (a *app) manifestRepos() *cobra.Command {
	return &cobra.Command{
		Use: "repos", Short: "list the git repositories that manifests come from, and how they are doing", Args: arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			all, err := c.ManifestRepos(cmd.Context())
			if err != nil {
				return err
			}
			t := table{
				head:  []string{"REPOSITORY", "DIRECTORY", "COMMIT", "CHECKED", "ERROR"},
				empty: "no repository of manifests is followed: name some in the file of --config, as [[manifests]] tables",
			}
			for _, r := range all {
				by := view.Origin{Commit: r.Commit, Author: r.Author}.By()
				t.row(r.URL, r.In(), by, ago(r.CheckedAt), r.Error)
			}
			return a.print(all, t)
		},
	}
}
