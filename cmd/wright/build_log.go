package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/master/api/ansi"
	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
)

func (a *app) buildLog() *cobra.Command {
	var q client.LogQuery
	var tail int64
	cmd := &cobra.Command{
		Use: "log BUILD", Short: "write the output of a build's steps to stdout, byte for byte",
		Long: "Write the output of a build's steps to stdout, byte for byte and nothing else.\n" +
			"On a terminal, of what controls it only colours pass.\n" +
			"An instance's name is its newest build. Lines count from 1, over all steps.",
		Example: "  wright build log shop --tail 20 --follow\n  wright build log shop-12 --lines 120:140",
		Args:    arguments, ValidArgsFunction: a.completeBuilds,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("tail") {
				q.Tail = &tail
			}
			if q.Follow {
				return a.follow(cmd.Context(), args[0], q)
			}
			to, end := a.logTo()
			return errors.Join(a.copyLog(cmd.Context(), to, args[0], q), end())
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&q.Follow, "follow", "f", false, "go on until the build has ended")
	f.BoolVar(&q.All, "all", false, "with what Wright itself says about the build")
	f.StringVar(&q.Part, "part", "", "only the part with this `NUMBER or NAME`")
	f.IntVar(&q.Attempt, "attempt", 0, "of this attempt (default: the latest)")
	f.Int64VarP(&tail, "tail", "n", 0, "only the last so many `LINES`, and with --follow what comes")
	f.StringVar(&q.Lines, "lines", "", "only the lines `FIRST:LAST`; either may be left out")
	cmd.MarkFlagsMutuallyExclusive("tail", "lines")
	cmd.MarkFlagsMutuallyExclusive("follow", "lines")
	return cmd
}

// logTo is where output of builds goes: to stdout as it is, to a terminal
// without what could do harm there. The caller ends it.
func (a *app) logTo() (to io.Writer, end func() error) {
	if !a.onTerminal {
		return a.stdout, func() error { return nil }
	}
	t := ansi.NewTerminal(a.stdout)
	return t, t.Close
}

func (a *app) copyLog(ctx context.Context, to io.Writer, id string, q client.LogQuery) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	out, err := c.Log(ctx, id, q)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(to, out); err != nil {
		return fmt.Errorf("read the log of %s: %w", id, err)
	}
	return nil
}

// follow writes a build's output until its end. It goes on where it was when
// the master was away, and with the next attempt when one is lost.
func (a *app) follow(ctx context.Context, id string, q client.LogQuery) error {
	to, end := a.logTo()
	return errors.Join(a.followTo(ctx, to, id, q), end())
}

func (a *app) followTo(ctx context.Context, to io.Writer, id string, q client.LogQuery) error {
	only := q.Attempt // 0: whatever attempt comes
	for {
		b, err := patiently(ctx, a, func(c *client.Client) (view.Build, error) { return c.Build(ctx, id) })
		if err != nil {
			return err
		}
		id = b.ID // from now on the same, also if an instance was named
		if only == 0 && q.Attempt != b.Attempt {
			a.nextAttempt(b, &q)
		}
		if _, err := patiently(ctx, a, func(c *client.Client) (bool, error) { return true, a.drain(ctx, c, to, id, &q) }); err != nil {
			return err
		}
		if b.Ended() || q.Attempt < b.Attempt {
			return nil
		}
		if err := a.awaitAttempt(ctx, b); err != nil {
			return err
		}
	}
}

func (a *app) nextAttempt(b view.Build, q *client.LogQuery) {
	if q.Attempt != 0 {
		a.note(fmt.Sprintf("attempt %d of build %s was lost; what follows is attempt %d", q.Attempt, b.ID, b.Attempt))
		q.Tail = nil
	}
	q.Attempt, q.Offset = b.Attempt, 0
}

// drain copies output as long as it comes and counts it in q.
func (a *app) drain(ctx context.Context, c *client.Client, to io.Writer, id string, q *client.LogQuery) error {
	out, err := c.Log(ctx, id, *q)
	if err != nil {
		return err
	}
	defer out.Close()
	q.Offset, q.Tail = out.Offset, nil // from here on, if it breaks
	n, err := io.Copy(stickyWriter{to}, out)
	if !q.All { // its parts come interleaved, there is no offset into them
		q.Offset += n
	}
	var bad *writeError
	switch {
	case errors.As(err, &bad):
		return fmt.Errorf("write the log of %s: %w", id, bad.error)
	case err != nil && ctx.Err() == nil && !(q.All && n > 0):
		return fmt.Errorf("read the log of %s: %w", id, errors.Join(client.ErrUnreachable, err))
	}
	return err
}

// awaitAttempt waits until a build has ended or left its attempt.
func (a *app) awaitAttempt(ctx context.Context, b view.Build) error {
	for attempt := b.Attempt; !b.Ended() && b.Attempt == attempt; {
		now, err := patiently(ctx, a, func(c *client.Client) (view.Build, error) { return c.AwaitChange(ctx, b) })
		if err != nil {
			return err
		}
		b = now
	}
	return nil
}

// stickyWriter marks its errors, so that a full disk is not taken for a master
// that is away.
type stickyWriter struct{ io.Writer }

type writeError struct{ error }

func (w stickyWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		err = &writeError{err}
	}
	return n, err
}
