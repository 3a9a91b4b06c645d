package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
)

// maxCount is how many builds can be started at once.
const maxCount = 10000

// waiting says what follows the start of a build.
type waiting struct {
	wait   bool
	follow bool
}

func (w *waiting) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&w.wait, "wait", false, "wait for its end; exit with 1 unless it succeeds")
	cmd.Flags().BoolVar(&w.follow, "follow", false, "wait, and write its output to stdout meanwhile")
}

func (a *app) buildStart() *cobra.Command {
	var s client.Start
	var w waiting
	var count int
	var properties []string
	cmd := &cobra.Command{
		Use: "start INSTANCE", Short: "start a build", Args: arguments, ValidArgsFunction: a.completeInstances,
		Long: "Start a build of an instance and print its ID.",
		RunE: func(cmd *cobra.Command, args []string) error {
			s.Instance, s.Reason = args[0], cmp.Or(s.Reason, "asked for on the command line")
			var err error
			if s.Properties, err = readProperties(properties); err != nil {
				return err
			}
			if cmd.Flags().Changed("count") {
				if count < 1 || count > maxCount {
					return usage("--count %d: from 1 to %d", count, maxCount)
				}
				return a.startMany(cmd.Context(), s, count, w)
			}
			return a.started(cmd.Context(), w, func(c *client.Client) (view.Build, error) { return c.StartBuild(cmd.Context(), s) })
		},
	}
	cmd.Flags().StringVar(&s.Revision, "revision", "", "`REVISION` of the source: a commit, a tag or a branch (default: the newest)")
	cmd.Flags().StringVar(&s.Reason, "reason", "", "`TEXT` that the build shows")
	cmd.Flags().StringArrayVar(&properties, "property", nil, "`KEY=VALUE` that its steps see as $WRIGHT_PROPERTY_KEY; may be repeated")
	cmd.Flags().IntVar(&count, "count", 1, "start `N` builds at once")
	w.flags(cmd)
	return cmd
}

// readProperties reads KEY=VALUE pairs; which keys there may be the master knows.
func readProperties(pairs []string) (map[string]string, error) {
	var all map[string]string
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if _, again := all[key]; !ok || again {
			return nil, usage("--property %q: want KEY=VALUE, each key once", pair)
		}
		if all == nil {
			all = map[string]string{}
		}
		all[key] = value
	}
	return all, nil
}

// started starts a build, tells its ID, and waits if that is wanted.
func (a *app) started(ctx context.Context, w waiting, start func(*client.Client) (view.Build, error)) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	b, err := start(c)
	if err != nil {
		return err
	}
	switch {
	case !w.wait && !w.follow:
		if a.format == "json" {
			return a.printJSON(b)
		}
		fmt.Fprintln(a.stdout, b.ID)
		return nil
	case w.follow:
		fmt.Fprintln(a.stderr, b.ID)
	case a.format != "json":
		fmt.Fprintln(a.stdout, b.ID)
	}
	if err := a.finish(ctx, b, w.follow); ctx.Err() == nil {
		return err
	}
	a.say("interrupted: build "+b.ID+" goes on", "end it too: wright build cancel "+b.ID)
	return errFailed
}

// finish sees a build to its end and says how it ended.
func (a *app) finish(ctx context.Context, b view.Build, follow bool) error {
	var err error
	if follow {
		if err = a.follow(ctx, b.ID, client.LogQuery{Follow: true}); err != nil {
			return err
		}
	}
	if b, err = a.await(ctx, b, !follow); err != nil {
		return err
	}
	if a.format == "json" && !follow {
		if err := a.printJSON(b); err != nil {
			return err
		}
	}
	return a.verdict(b)
}

// verdict is nil for a build that succeeded, and says what to do about others.
func (a *app) verdict(b view.Build) error {
	if b.Succeeded() {
		return nil
	}
	message := "build " + b.ID + " " + b.State
	if b.State == "cancelled" {
		message = "build " + b.ID + " was cancelled"
	}
	if b.Error != "" {
		message += ": " + b.Error
	}
	a.say(message, "see its output: wright build log "+allOf(b)+b.ID)
	return errFailed
}

// allOf is the flag for the whole output, if it was not a step that failed.
func allOf(b view.Build) string {
	if strings.HasPrefix(b.Error, "step ") {
		return ""
	}
	return "--all "
}

// startMany starts count builds at once.
func (a *app) startMany(ctx context.Context, s client.Start, count int, w waiting) error {
	if w.follow {
		return usage("--follow does not go with --count: follow them one by one with wright build log --follow")
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	all, err := c.StartBuilds(ctx, s, count)
	if err != nil {
		return err
	}
	if a.format != "json" {
		for _, b := range all {
			fmt.Fprintln(a.stdout, b.ID)
		}
	}
	var failed []error
	for i := range all {
		if !w.wait {
			break
		}
		if all[i], err = a.await(ctx, all[i], false); err != nil {
			return err
		}
		failed = append(failed, a.verdict(all[i]))
	}
	if a.format == "json" {
		if err := a.printJSON(all); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}
