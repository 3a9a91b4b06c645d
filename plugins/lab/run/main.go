// Command run starts a lab and keeps it until it is interrupted:
//
//	go run ./plugins/lab/run bind DIR
//
// This names the Debian packages that it needs, unless all programs are there:
//
//	go run ./plugins/lab/run -missing bind
package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/wright-build/wright/plugins/lab"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: run LAB DIR, or run -missing LAB")
	}
	if args[0] == "-missing" {
		return missing(args[1])
	}
	l, err := lab.Find(args[0])
	if err != nil {
		return err
	}
	r, err := l.Start(ctx, args[1])
	if err != nil {
		return err
	}
	defer r.Stop()
	for _, name := range slices.Sorted(maps.Keys(r.Env)) {
		fmt.Printf("%s=%s\n", name, r.Env[name])
	}
	fmt.Printf("lab %s runs until you press Ctrl-C; for other shells: . %s\n", l.Name, filepath.Join(r.Dir, "env"))
	<-ctx.Done()
	return nil
}

func missing(name string) error {
	l, err := lab.Find(name)
	if err == nil && l.Missing() != nil {
		fmt.Println(strings.Join(l.Packages, " "))
	}
	return err
}
