package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/plugins/host"
	"github.com/wright-build/wright/plugins/schemadoc"
)

func (a *app) pluginDocs() *cobra.Command {
	var dirs []string
	var into string
	cmd := &cobra.Command{
		Use: "docs [NAME|FILE]", Short: "write the reference page of a plugin, or of all",
		Long: "Write the reference page of a plugin, or of all of them, in Markdown: what it is for, its\n" +
			"keys in manifests, its settings on the agent, and what to copy into a manifest. With\n" +
			"--dir each becomes a file KIND-NAME.md there.",
		Args: arguments, ValidArgsFunction: completePlugins(&dirs),
		RunE: func(cmd *cobra.Command, args []string) error {
			look, found := dirs, host.New(host.Config{Dirs: dirs}).Plugins()
			if len(args) > 0 {
				dir, p, err := choosePlugin(dirs, args[0])
				if err != nil {
					return err
				}
				look, found = []string{dir}, []host.Info{p}
			}
			h := a.pluginHost(look)
			defer func() { _ = h.Close() }()
			failed := false
			for i, p := range describeAll(cmd.Context(), h, found) {
				if p.err != nil {
					fmt.Fprintln(a.stderr, "wright: "+visible(p.err.Error()))
					failed = true
					continue
				}
				if err := a.writePage(p, into, i > 0); err != nil {
					return err
				}
			}
			if failed {
				return errFailed
			}
			return nil
		},
	}
	lookInto(cmd, &dirs)
	cmd.Flags().StringVar(&into, "dir", "", "write files into this `DIR` instead, which is made")
	_ = cmd.MarkFlagDirname("dir")
	return cmd
}

// writePage writes a page to a file, or to stdout, there apart from the one before.
func (a *app) writePage(p described, into string, another bool) error {
	var page bytes.Buffer
	if err := schemadoc.Page(&page, p.about); err != nil {
		return err
	}
	if into == "" {
		if another {
			fmt.Fprintln(a.stdout)
		}
		_, err := a.stdout.Write(page.Bytes())
		return err
	}
	if err := os.MkdirAll(into, 0o755); err != nil {
		return fmt.Errorf("write the page of %s: %w", p.Name, err)
	}
	file := filepath.Join(into, string(p.Kind)+"-"+p.Name+".md")
	if err := os.WriteFile(file, page.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the page of %s: %w", p.Name, err)
	}
	_, err := fmt.Fprintln(a.stdout, file)
	return err
}
