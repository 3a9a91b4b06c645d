package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/wright-build/wright/master/api/client"
)

// The exit statuses.
const (
	exitDone   = 0
	exitFailed = 1 // the thing asked for failed
	exitUsage  = 2
	exitAway   = 3 // no master reached
)

// app is one run of the command line.
type app struct {
	stdout, stderr io.Writer
	onTerminal     bool // stdout is one
	errTerminal    bool // stderr is one
	errWidth       func() int

	address   string
	tokenFile string
	format    string
	logLevel  string

	from  string // where the address comes from
	begun bool   // the command line was understood and its command runs
}

func newApp(stdout, stderr *os.File) *app {
	return &app{
		stdout: stdout, stderr: stderr,
		onTerminal: term.IsTerminal(int(stdout.Fd())), errTerminal: term.IsTerminal(int(stderr.Fd())),
		errWidth: func() int { return width(stderr) },
	}
}

// width is how many columns a terminal has; it may change at any time.
func width(terminal *os.File) int {
	if columns, _, err := term.GetSize(int(terminal.Fd())); err == nil && columns > 0 {
		return columns
	}
	return 80
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	cmd, err := root.ExecuteContextC(ctx)
	return a.report(cmd, err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "wright",
		Short: "builds software and runs what it built",
		Long: "Wright builds software and runs what it built: one manifest per instance, builds on\n" +
			"agents, AppServers through plugins. wright dev runs all of it on this machine.",
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.begin() },
	}
	f := root.PersistentFlags()
	f.StringVar(&a.address, "address", "", "`URL` of the master, or of several of one installation with commas between them (default: WRIGHT_ADDRESS, then the wright dev of this machine)")
	f.StringVar(&a.tokenFile, "token-file", "", "`FILE` that holds the master's token (default: WRIGHT_TOKEN)")
	f.StringVarP(&a.format, "output", "o", "", "print as `FORMAT` json, table or plain (default: table on a terminal, else plain)")
	f.StringVar(&a.logLevel, "log-level", "info", "log to stderr from `LEVEL` debug, info, warn or error on")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"json", "table", "plain"}, cobra.ShellCompDirectiveNoFileComp))
	root.AddCommand(a.running()...)
	root.AddCommand(a.manifest(), a.instance(), a.build(), a.watch(), a.change(), a.hook(), a.schedule(), a.notify(), a.appServer(), a.reaping(), a.secret(), a.plugin(), a.version())
	asGroup(root)
	explain(root)
	return root
}

// begin checks what is common to all commands, which is understood by now.
func (a *app) begin() error {
	switch a.format {
	case "":
		a.format = "plain"
		if a.onTerminal {
			a.format = "table"
		}
	case "json", "table", "plain":
	default:
		return usage("-o %q is not known: use json, table or plain", a.format)
	}
	if _, err := a.level(); err != nil {
		return usage("--log-level %q is not known: use debug, info, warn or error", a.logLevel)
	}
	a.begun = true
	return nil
}

func (a *app) level() (level slog.Level, err error) {
	return level, level.UnmarshalText([]byte(a.logLevel))
}

// logger is the log of the long-running commands.
func (a *app) logger() *slog.Logger {
	level, _ := a.level()
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
}

// errQuiet is bad usage that was answered already, errFailed a failure.
var (
	errQuiet  = errors.New("usage was shown")
	errFailed = errors.New("what was asked for failed")
)

// report says what went wrong and what to do next, in one or two lines, and
// returns the exit status.
func (a *app) report(cmd *cobra.Command, err error) int {
	var bad *usageError
	var refused *client.Error
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errQuiet):
		return exitUsage
	case errors.Is(err, errFailed):
		return exitFailed
	case errors.As(err, &bad) || !a.begun:
		a.say(err.Error(), usageHint(cmd, bad))
		return exitUsage
	case errors.Is(err, client.ErrUnreachable):
		a.say(oneLine(err), a.awayHint())
		return exitAway
	case errors.As(err, &refused):
		a.say(refused.Message, refused.Hint)
		return exitFailed
	case errors.Is(err, context.Canceled):
		a.say("interrupted", "")
		return exitFailed
	}
	a.say(err.Error(), "")
	return exitFailed
}

// oneLine writes joined errors on one line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", ": ") }

// say writes an error to stderr, with what to do next.
func (a *app) say(message, hint string) {
	fmt.Fprintln(a.stderr, "wright: "+visible(cmp.Or(message, "failed")))
	if hint != "" {
		fmt.Fprintln(a.stderr, "  "+visible(hint))
	}
}
