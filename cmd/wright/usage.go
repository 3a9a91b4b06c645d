package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// usageError is a command line that makes no sense.
type usageError struct {
	message string
	hint    string // what to do next, if it is not how the command is used
}

func (e *usageError) Error() string { return e.message }

func usage(format string, args ...any) error {
	return &usageError{message: fmt.Sprintf(format, args...)}
}

// usageHint says how to do better; bad may be nil.
func usageHint(cmd *cobra.Command, bad *usageError) string {
	if bad != nil && bad.hint != "" {
		return bad.hint
	}
	return "usage: " + useLine(cmd) + " (more: " + cmd.CommandPath() + " --help)"
}

func useLine(cmd *cobra.Command) string {
	switch {
	case !cmd.HasAvailableSubCommands():
		return cmd.UseLine()
	case cmd.HasParent():
		return cmd.CommandPath() + " VERB"
	}
	return cmd.CommandPath() + " NOUN VERB"
}

// arguments has a command take what its Use names: [X] may be left out, X...
// repeated.
func arguments(cmd *cobra.Command, args []string) error {
	names := strings.Fields(cmd.Use)[1:]
	for i, name := range names {
		if i >= len(args) && !strings.HasPrefix(name, "[") {
			return usage("%s: %s is missing", cmd.CommandPath(), strings.TrimSuffix(name, "..."))
		}
	}
	if len(args) > len(names) && !strings.HasSuffix(cmd.Use, "...") {
		return usage("%s: %q is too much", cmd.CommandPath(), args[len(names)])
	}
	return nil
}

// group makes a noun of its verbs.
func group(noun, short string, verbs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: noun, Short: short}
	cmd.AddCommand(verbs...)
	asGroup(cmd)
	return cmd
}

// asGroup has a command without deed of its own refuse what is no verb of it.
func asGroup(cmd *cobra.Command) {
	cmd.Args = cobra.ArbitraryArgs
	cmd.SuggestionsMinimumDistance = 2
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			_ = cmd.Help()
			return errQuiet
		}
		message := fmt.Sprintf("%s %s: no such command", cmd.CommandPath(), args[0])
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			message += "; did you mean " + strings.Join(near, " or ") + "?"
		}
		return usage("%s", message)
	}
}

// help is how a command is explained: how it is written, what there is to
// choose from, its flags.
const help = `usage: {{if .HasAvailableSubCommands}}{{.CommandPath}} {{if .HasParent}}VERB{{else}}NOUN VERB{{end}}
{{range .Commands}}{{if or .IsAvailableCommand (eq .Name "help")}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}{{else}}{{.UseLine}}{{end}}{{if .HasAvailableLocalFlags}}

flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

flags of all commands:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

more: {{.CommandPath}} {{if .HasParent}}VERB{{else}}NOUN{{end}} --help{{end}}
`

// explain has the command line speak with one voice.
func explain(root *cobra.Command) {
	root.SetUsageTemplate(help)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for name, short := range map[string]string{
		"help": "explain a command", "completion": "write a completion script for a shell",
	} {
		if cmd, _, err := root.Find([]string{name}); err == nil {
			cmd.Short = short
		}
	}
}
