package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
)

func (a *app) buildArtifacts() *cobra.Command {
	var into string
	cmd := &cobra.Command{
		Use: "artifacts BUILD [PATTERN]...", Short: "list the files that a build has kept, or fetch them", Args: arguments,
		Long: "List the files that a build has kept, or with --into fetch them, each checked against the\n" +
			"SHA-256 that its agent worked out. Patterns are as in manifests: \"*.tar\", \"dist/**\".",
		ValidArgsFunction: a.completeBuilds,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			all, err := c.Artifacts(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			all = matching(all, args[1:])
			if into != "" {
				if err := fetchArtifacts(cmd.Context(), c, args[0], into, all); err != nil {
					return err
				}
			}
			t := table{head: []string{"PATH", "SIZE", "SHA-256"}, empty: "it has kept no file, or they were kept long enough; `wright build show` says"}
			for _, f := range all {
				t.row(f.Path, fmt.Sprint(f.Size), f.SHA256)
			}
			return a.print(all, t)
		},
	}
	cmd.Flags().StringVar(&into, "into", "", "fetch them into `DIR`, with their paths")
	_ = cmd.MarkFlagDirname("into")
	return cmd
}

func matching(all []view.Artifact, patterns []string) []view.Artifact {
	if len(patterns) == 0 {
		return all
	}
	some := []view.Artifact{}
	for _, f := range all {
		if manifests.Matches(patterns, f.Path) {
			some = append(some, f)
		}
	}
	return some
}

func fetchArtifacts(ctx context.Context, c *client.Client, build, into string, all []view.Artifact) error {
	if err := os.MkdirAll(into, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", into, err)
	}
	root, err := os.OpenRoot(into)
	if err != nil {
		return fmt.Errorf("open %s: %w", into, err)
	}
	defer root.Close()
	for _, f := range all {
		if err := fetchArtifact(ctx, c, build, root, f); err != nil {
			return fmt.Errorf("fetch %s of build %s: %w", f.Path, build, err)
		}
	}
	return nil
}

// fetchArtifact writes one file, which never leads out of the directory.
func fetchArtifact(ctx context.Context, c *client.Client, build string, root *os.Root, f view.Artifact) error {
	body, err := c.Artifact(ctx, build, f.Path)
	if err != nil {
		return err
	}
	defer body.Close()
	name := filepath.FromSlash(f.Path)
	if dir := filepath.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	mode := os.FileMode(0o644)
	if f.Executable {
		mode = 0o755
	}
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(file, h), body)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != f.SHA256 {
		return fmt.Errorf("its SHA-256 is %s, and the agent's was %s: it was cut off or changed", sum, f.SHA256)
	}
	return nil
}

func (a *app) buildTests() *cobra.Command {
	return &cobra.Command{
		Use: "tests BUILD", Short: "show what a build's test reports say", Args: arguments, ValidArgsFunction: a.completeBuilds,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			tests, err := c.Tests(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			t := table{head: []string{"OUTCOME", "SUITE", "TEST", "MESSAGE"}, empty: counted(tests)}
			for _, c := range tests.Cases {
				t.row(c.Outcome, c.Suite, c.Name, visible(c.Message))
			}
			if err := a.print(tests, t); err != nil || len(tests.Cases) == 0 || a.format == "json" {
				return err
			}
			_, err = fmt.Fprintln(a.stdout, counted(tests))
			return err
		},
	}
}

// counted says how many tests there were.
func counted(t view.Tests) string {
	if t.Passed+t.Failed+t.Errored+t.Skipped == 0 {
		return "it has reported no tests"
	}
	return fmt.Sprintf("%d passed, %d failed, %d errored, %d skipped", t.Passed, t.Failed, t.Errored, t.Skipped)
}
