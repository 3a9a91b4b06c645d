// Demo shows the main job of Wright on real input: it makes git repositories
// of the examples, starts `wright dev`, builds the shop, commits to its theme
// and watches what nobody asked for happen. Every sentence it prints with a
// tick was checked; one that does not hold ends it with status 1.
//
// It needs bin/wright and bin/plugins (make build), git and go. Everything it
// makes is in one directory, which is removed at the end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	wright := flag.String("wright", "bin/wright", "the program to show")
	examples := flag.String("examples", "examples", "where the examples are")
	listen := flag.String("listen", "127.0.0.1:8080", "where wright dev answers; port 0 takes a free one")
	stay := flag.Bool("stay", interactive(), "stay up at the end, until Ctrl-C (default: on a terminal)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *wright, *examples, *listen, *stay); err != nil {
		if errors.Is(err, context.Canceled) {
			fmt.Println("\nstopped")
			return
		}
		fmt.Fprintln(os.Stderr, "\ndemo:", err)
		os.Exit(1)
	}
}

// interactive says whether somebody is there to press Ctrl-C.
func interactive() bool {
	info, err := os.Stdout.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("CI") == ""
}

func run(ctx context.Context, wright, examples, listen string, stay bool) (err error) {
	began := time.Now()
	dir, err := os.MkdirTemp("", "wright-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d := &demo{dir: dir, wright: wright}
	d.say("1. Real repositories")
	if err := d.makeRemotes(ctx, examples); err != nil {
		return err
	}
	d.say("2. wright dev: a master with its store and an agent, all on this machine")
	stop, err := d.startDev(ctx, listen)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := d.tell(ctx); err != nil {
		return err
	}
	fmt.Printf("\nEvery claim above was checked, in %s.\n", time.Since(began).Round(100*time.Millisecond))
	if stay {
		d.linger(ctx)
	}
	return nil
}

// tell is the story: each line is a claim that is checked.
func (d *demo) tell(ctx context.Context) error {
	for _, part := range []func(context.Context) error{
		d.firstBuild, d.watchesFound, d.themeMoves, d.pinnedStands, d.libraryMoves,
	} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) linger(ctx context.Context) {
	fmt.Printf(`
It stays up until you press Ctrl-C. Look around:
  the shop           %s
  builds and watches %s
  the repositories   %s
Try: clone theme.git from there, change page.html, push, and watch the shop change.
Or:  %s --address %s watch list shop
`, d.shopURL(), d.address, filepath.Join(d.dir, "remotes"), d.wright, d.address)
	<-ctx.Done()
	fmt.Println("\nstopping")
}
