package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// makeRemotes makes a bare repository of each example, and manifests that name
// them.
func (d *demo) makeRemotes(ctx context.Context, examples string) error {
	for _, name := range []string{"theme", "price", "greeting", "shop"} {
		if err := d.makeRemote(ctx, examples, name); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(filepath.Join(examples, "manifests", "shop.toml"))
	if err != nil {
		return err
	}
	manifest := strings.ReplaceAll(string(text), "https://git.example.test", d.remote(""))
	if err := os.MkdirAll(filepath.Join(d.dir, "manifests"), 0o755); err != nil {
		return err
	}
	d.note("shop.git with the submodule theme.git (branch main), price.git (tag v1.0.0), greeting.git (branch main)")
	return os.WriteFile(filepath.Join(d.dir, "manifests", "shop.toml"), []byte(manifest), 0o644)
}

func (d *demo) remote(name string) string {
	if name == "" {
		return "file://" + filepath.Join(d.dir, "remotes")
	}
	return "file://" + filepath.Join(d.dir, "remotes", name+".git")
}

func (d *demo) work(name string) string { return filepath.Join(d.dir, "work", name) }

func (d *demo) makeRemote(ctx context.Context, examples, name string) error {
	bare, work := filepath.Join(d.dir, "remotes", name+".git"), d.work(name)
	if err := d.git(ctx, "", "init", "--quiet", "--bare", "--initial-branch=main", bare); err != nil {
		return err
	}
	if err := d.git(ctx, "", "clone", "--quiet", d.remote(name), work); err != nil {
		return err
	}
	if err := os.CopyFS(work, os.DirFS(filepath.Join(examples, name))); err != nil {
		return err
	}
	if name == "shop" {
		if err := d.git(ctx, work, "submodule", "--quiet", "add", "-b", "main", "../theme.git", "theme"); err != nil {
			return err
		}
	}
	if err := d.commit(ctx, name, "first version"); err != nil {
		return err
	}
	if name == "price" {
		if err := d.git(ctx, work, "tag", "v1.0.0"); err != nil {
			return err
		}
	}
	return d.git(ctx, work, "push", "--quiet", "--tags", "origin", "main")
}

// commit commits everything in a work tree and pushes it.
func (d *demo) commit(ctx context.Context, name, message string) error {
	work := d.work(name)
	for _, args := range [][]string{{"add", "--all"}, {"commit", "--quiet", "-m", message}, {"push", "--quiet", "origin", "HEAD:main"}} {
		if err := d.git(ctx, work, args...); err != nil {
			return err
		}
	}
	return nil
}

// change replaces text in a file of a work tree, commits and pushes.
func (d *demo) change(ctx context.Context, name, file, from, to string) error {
	path := filepath.Join(d.work(name), file)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), from) {
		return fmt.Errorf("%s does not say %q", path, from)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), from, to)), 0o644); err != nil {
		return err
	}
	return d.commit(ctx, name, fmt.Sprintf("%s instead of %s", to, from))
}

// git runs git as nobody in particular, whatever the machine's configuration.
func (d *demo) git(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Demo", "GIT_AUTHOR_EMAIL=demo@example.test",
		"GIT_COMMITTER_NAME=Demo", "GIT_COMMITTER_EMAIL=demo@example.test")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
