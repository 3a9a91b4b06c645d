package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/scaffold"
)

func (a *app) pluginInit() *cobra.Command {
	var o scaffold.Options
	var dir string
	cmd := &cobra.Command{
		Use: "init KIND NAME", Short: "write a new plugin to begin with",
		Long: "Write a new plugin to begin with: it works, keeps everything in a file, and passes\n" +
			"wright plugin verify. Nothing that is there is overwritten. KIND is one of\n" + kindNames() + ".",
		Args: arguments, ValidArgsFunction: completeKinds,
		RunE: func(_ *cobra.Command, args []string) error {
			o.Kind, o.Name = plugins.Kind(args[0]), args[1]
			into := cmp.Or(dir, plugins.BinaryName(o.Kind, o.Name))
			files, err := scaffold.Write(into, o)
			if err != nil {
				return err
			}
			return a.printInit(into, files)
		},
	}
	cmd.Flags().StringVar(&o.Lang, "lang", scaffold.Go, "`LANGUAGE` "+strings.Join(scaffold.Langs(), " or "))
	cmd.Flags().StringVar(&dir, "dir", "", "write into this `DIR`, which is made (default: wright-KIND-NAME)")
	cmd.Flags().StringVar(&o.SDK, "sdk", "", "build it with this `CHECKOUT` of Wright")
	_ = cmd.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions(scaffold.Langs(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.MarkFlagDirname("dir")
	_ = cmd.MarkFlagDirname("sdk")
	return cmd
}

func completeKinds(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return strings.Split(kindNames(), ", "), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) printInit(dir string, files []string) error {
	if a.format == "json" {
		return a.printJSON(files)
	}
	for _, f := range files {
		fmt.Fprintln(a.stdout, filepath.Join(dir, f))
	}
	_, err := fmt.Fprintf(a.stderr, "next: cd %s, and read README.md\n", dir)
	return err
}
