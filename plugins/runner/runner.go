// Package runner is the plugin kind that says where the steps of a build run:
// its interface, its types and both ends of its wire. A runner makes a sandbox
// and wraps commands so that they run in it; the agent starts, follows and
// kills what it is given, so output and survival of steps are not its matter.
package runner

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wright-build/wright/plugins"
)

// Provider makes sandboxes. It is called concurrently. Errors carry the codes
// of package plugins.
type Provider interface {
	// Create makes a sandbox, or gives the one that s.Token made before, also
	// when both calls run at the same time. A call that fails or dies half way
	// leaves either nothing or something that List finds and Delete removes.
	Create(ctx context.Context, s Spec) (*Sandbox, error)
	// Command wraps a command, so that what comes back, started on the agent's
	// host, runs it in the sandbox, with its environment and directory, passes
	// on its output and exit status, and ends when it is killed.
	// plugins.NotFound when there is no such sandbox.
	Command(ctx context.Context, token string, c Command) (*Command, error)
	// List gives every sandbox that carries all of tags, half-made ones too.
	List(ctx context.Context, tags map[string]string) ([]Sandbox, error)
	// Delete ends the sandbox of a token with all that runs in it and returns
	// when nothing is left. Deleting the missing is fine.
	Delete(ctx context.Context, token string) error
}

// Spec says what sandbox is wanted.
type Spec struct {
	Token     string            // unique for this sandbox and known before it is made
	Workspace string            // absolute path of the sources on the agent's host
	Tags      map[string]string // written to the sandbox, so that List finds it
	Config    map[string]any    // the provider's own table of the manifest
}

// Sandbox is what a provider made.
type Sandbox struct {
	Token     string
	Tags      map[string]string
	CreatedAt time.Time
}

// Command is a program with its surroundings.
type Command struct {
	Args []string          // the program first
	Env  map[string]string // all of it
	Dir  string            // absolute
}

// Validate refuses what no provider should have to cope with.
func (s Spec) Validate() error {
	if err := plugins.CheckToken("token", s.Token); err != nil {
		return err
	}
	if err := checkPath("workspace", s.Workspace); err != nil {
		return err
	}
	return plugins.CheckTags(s.Tags)
}

func checkPath(field, s string) error {
	if !path.IsAbs(s) || len(s) > maxPath || strings.ContainsRune(s, 0) {
		return plugins.Invalidf(field, "%.60q is no absolute path of at most %d bytes", s, maxPath)
	}
	return nil
}

const (
	maxPath = 4 << 10
	maxArgs = 1 << 20 // bytes of all arguments
)

// Validate refuses what cannot be executed; it holds for answers too.
func (c Command) Validate() error {
	size := 0
	for _, a := range c.Args {
		size += len(a) + 1
	}
	switch {
	case len(c.Args) == 0 || c.Args[0] == "":
		return plugins.Invalidf("args", "there is no program")
	case size > maxArgs:
		return plugins.Invalidf("args", "%d bytes are too many, at most %d", size, maxArgs)
	case slices.ContainsFunc(c.Args, func(a string) bool { return strings.ContainsRune(a, 0) || !utf8.ValidString(a) }):
		return plugins.Invalidf("args", "one holds a NUL or is not valid UTF-8")
	}
	if err := checkPath("dir", c.Dir); err != nil {
		return err
	}
	return plugins.CheckEnv(c.Env)
}

// check refuses a sandbox that no provider may answer with. want is the token
// that was asked for; empty means any.
func (s Sandbox) check(want string) error {
	if err := plugins.CheckToken("token", s.Token); err != nil {
		return err
	}
	if want != "" && s.Token != want {
		return plugins.Invalidf("token", "it is %.60q, asked was for %.60q", s.Token, want)
	}
	return plugins.CheckTags(s.Tags)
}
