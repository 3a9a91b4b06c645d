package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/schemadoc"
)

// pluginDetails is all that a plugin says of itself.
type pluginDetails struct {
	pluginRow
	SHA256   string          `json:"sha256"`
	Doc      string          `json:"doc"`
	Config   []schemadoc.Row `json:"config"`   // keys of its table in manifests; null: it does not state them
	Settings []schemadoc.Row `json:"settings"` // of its table on the agent; likewise
}

func (a *app) pluginInfo() *cobra.Command {
	var dirs []string
	cmd := &cobra.Command{
		Use: "info NAME|FILE", Short: "show all that a plugin says of itself",
		Long: "Show all that a plugin says of itself, and whether it may be launched. Where plugins of\n" +
			"several kinds have the name, write KIND-NAME. With --log-level debug its own log is shown.",
		Args: arguments, ValidArgsFunction: completePlugins(&dirs),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, p, err := choosePlugin(dirs, args[0])
			if err != nil {
				return err
			}
			h := a.pluginHost([]string{dir})
			defer func() { _ = h.Close() }()
			about, err := h.Describe(cmd.Context(), p.Kind, p.Name)
			d := pluginDetails{pluginRow: pluginRows([]described{{p, about, err}}, lockStates([]string{dir}))[0]}
			var sumErr error
			if d.SHA256, sumErr = sumOf(p.Path); sumErr != nil {
				return sumErr
			}
			if about != nil {
				d.Doc, d.Config, d.Settings = about.Doc, rowsOf(about.Config), rowsOf(about.Settings)
			}
			if printErr := a.printDetails(d); printErr != nil || err == nil {
				return printErr
			}
			return errFailed
		},
	}
	lookInto(cmd, &dirs)
	return cmd
}

// rowsOf is nil for a schema that the plugin does not state.
func rowsOf(s plugins.Schema) []schemadoc.Row {
	if s == nil {
		return nil
	}
	return schemadoc.Rows(s)
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("sum a plugin: %w", err)
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("sum a plugin: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (a *app) printDetails(d pluginDetails) error {
	var t table
	t.row("kind", d.Kind)
	t.row("name", d.Name)
	t.row("version", d.Version)
	if d.Protocol > 0 {
		t.row("protocol", fmt.Sprint(d.Protocol))
	}
	t.row("capabilities", strings.Join(d.Capabilities, ", "))
	t.row("path", d.Path)
	t.row("sha256", d.SHA256)
	t.row("locked", d.Locked)
	t.row("error", d.Error)
	if err := a.print(d, t); err != nil || a.format == "json" || d.Error != "" {
		return err
	}
	if doc := strings.TrimSpace(d.Doc); doc != "" {
		fmt.Fprintln(a.stdout)
		for line := range strings.Lines(doc) {
			fmt.Fprintln(a.stdout, visible(strings.TrimRight(line, "\n")))
		}
	}
	if err := a.printKeys("keys of its table in manifests", d.Config); err != nil {
		return err
	}
	return a.printKeys("settings on the agent", d.Settings)
}

func (a *app) printKeys(what string, rows []schemadoc.Row) error {
	switch {
	case rows == nil:
		fmt.Fprintf(a.stdout, "\n%s: it does not state them, and takes anything\n", what)
		return nil
	case len(rows) == 0:
		fmt.Fprintf(a.stdout, "\n%s: none\n", what)
		return nil
	}
	fmt.Fprintf(a.stdout, "\n%s:\n", what)
	t := table{head: []string{"KEY", "TYPE", "DEFAULT", "MEANING"}}
	for _, r := range rows {
		standard := r.Default
		if r.Required {
			standard = "required"
		}
		t.row(r.Key, r.Type, standard, r.Doc)
	}
	return a.print(rows, t)
}
