package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/wright-build/wright/agent/workspace/access"
	"github.com/wright-build/wright/manifests"
)

// hgProgram runs Mercurial, deaf to the user's and the system's configuration.
type hgProgram struct {
	path   string
	notes  io.Writer
	access *access.Access
}

func newHg(notes io.Writer, a *access.Access) (hgProgram, error) {
	program, err := exec.LookPath("hg")
	if err != nil {
		return hgProgram{}, fmt.Errorf("%w: the hg program is not installed on this agent", errFinal)
	}
	return hgProgram{path: program, notes: notes, access: a}, nil
}

// run runs hg in a repository and returns its standard output. It reaches no remote.
func (p hgProgram) run(ctx context.Context, dir string, args ...string) ([]byte, error) {
	return p.start(ctx, dir, "", nil, args)
}

// reach is run with what opens the remote at url, and settings besides.
func (p hgProgram) reach(ctx context.Context, url string, settings []string, args ...string) ([]byte, error) {
	file, err := p.access.Mercurial(url)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFinal, err)
	}
	if file == "" {
		settings = append(settings, "ui.ssh="+sshCommand)
	}
	out, err := p.start(ctx, "", file, settings, args)
	return out, explainHostKey(url, err)
}

// start runs hg. It never asks, and knows no configuration but the file, the
// settings and that of the repository, which our own clone has written.
func (p hgProgram) start(ctx context.Context, dir, file string, settings, args []string) ([]byte, error) {
	options := []string{"--noninteractive"}
	for _, s := range append([]string{"ui.timeout=30", "subrepos.git:allowed=no", "subrepos.svn:allowed=no"}, settings...) {
		options = append(options, "--config", s)
	}
	cmd := exec.CommandContext(ctx, p.path, append(options, args...)...)
	cmd.Dir = dir
	cmd.Env = append([]string{
		"HGRCPATH=" + file, "HGPLAIN=+strictflags", "HGENCODING=UTF-8", "HGENCODINGMODE=replace",
		"LC_ALL=C.UTF-8", "HGEDITOR=false", "SSH_ASKPASS=true", "GIT_TERMINAL_PROMPT=0",
	}, inherited()...)
	out, err := run(ctx, cmd, p.notes)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("hg %s: %w", args[0], err)
	}
	return out, err
}

// hg fetches s with Mercurial.
func (f *fetcher) hg(ctx context.Context, s Source) (*Result, error) {
	p, err := newHg(f.notes, f.access)
	if err != nil {
		return nil, err
	}
	f.notes.printf("fetching %s with hg", s.URL)
	if err := p.clone(ctx, s.URL, f.top); err != nil {
		return nil, err
	}
	r, err := p.resolve(ctx, f.top, s)
	if err != nil {
		return nil, err
	}
	r.Tool = ToolHg
	if err := f.subrepos(ctx, p, node{dir: f.top, url: s.URL, revision: r.Revision}); err != nil {
		return nil, err
	}
	r.Submodules = f.modules
	return r, p.update(ctx, f.top, s, r)
}

// clone gets all history, and no files yet. With --pull nothing is shared with
// a repository of this machine.
func (p hgProgram) clone(ctx context.Context, url, dir string) error {
	_, err := p.reach(ctx, url, nil, "clone", "--noupdate", "--pull", "--", url, dir)
	return err
}

// resolve finds the node to check out, and the branch or bookmark it is on.
func (p hgProgram) resolve(ctx context.Context, dir string, s Source) (*Result, error) {
	if !isPlain(s.Revision) {
		node, err := p.named(ctx, dir, s.Revision)
		return &Result{Revision: node}, err
	}
	r := &Result{Branch: s.Branch}
	if r.Branch == "" {
		r.Branch = "default"
	}
	node, err := p.head(ctx, dir, r.Branch)
	if err != nil {
		return nil, err
	}
	if r.Revision = node; s.Revision == "" {
		return r, nil
	}
	if r.Revision, err = p.node(ctx, dir, "id("+hgQuote(s.Revision)+")"); err != nil {
		return nil, err
	}
	if r.Revision == "" {
		return nil, errNoRevision{s.Revision, s.Branch}
	}
	if s.Pinned {
		r.Branch = ""
	}
	return r, nil
}

// head is the tip of a branch: its newest head that is not closed. What is no
// branch may be a bookmark.
func (p hgProgram) head(ctx context.Context, dir, name string) (string, error) {
	literal := hgQuote("literal:" + name)
	for _, revset := range []string{
		"max(head() and branch(" + literal + ") and not closed())", "bookmark(" + literal + ")", "max(branch(" + literal + "))",
	} {
		if node, err := p.node(ctx, dir, "present("+revset+")"); err != nil || node != "" {
			return node, err
		}
	}
	if tip, err := p.node(ctx, dir, "tip"); err == nil && strings.Trim(tip, "0") == "" {
		return "", errEmpty
	}
	return "", fmt.Errorf("%w: %s", errNoBranch, name)
}

// named finds a tag, or else a node by its beginning.
func (p hgProgram) named(ctx context.Context, dir, name string) (string, error) {
	revsets := []string{"tag(" + hgQuote("literal:"+name) + ")"}
	if isShortID(name) {
		revsets = append(revsets, "id("+hgQuote(name)+")")
	}
	for _, revset := range revsets {
		if node, err := p.node(ctx, dir, "present("+revset+")"); err != nil || node != "" {
			return node, err
		}
	}
	return "", errNoRevision{revision: name}
}

// node is what a revset names, "" for nothing.
func (p hgProgram) node(ctx context.Context, dir, revset string) (string, error) {
	out, err := p.run(ctx, dir, "log", "--template={node}", "--limit=1", "--rev="+revset)
	return string(out), err
}

// hgQuote is s as a string of a revset.
func hgQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// update fills the work tree. At the head of a bookmark it becomes the active one.
func (p hgProgram) update(ctx context.Context, dir string, s Source, r *Result) error {
	target := r.Revision
	if s.Revision == "" {
		bookmark, err := p.node(ctx, dir, "present(bookmark("+hgQuote("literal:"+r.Branch)+"))")
		if err != nil {
			return err
		}
		if bookmark == r.Revision {
			target = r.Branch
		}
	}
	if _, err := p.run(ctx, dir, "update", "--clean", "--rev="+target); err != nil {
		return fmt.Errorf("check out %s: %w", r.Revision, err)
	}
	out, err := p.run(ctx, dir, "log", "--template={node}", "--rev=.")
	if err == nil && string(out) != r.Revision {
		err = fmt.Errorf("check out %s: got %.40q", r.Revision, out)
	}
	return err
}

// checkHg is what hg would take for something else than it is.
func (s Source) checkHg() error {
	if manifests.IsLocal(s.URL) {
		path := strings.TrimPrefix(s.URL, "file://")
		if fi, err := os.Stat(path); err == nil && !fi.IsDir() {
			return errors.New("it is a file, which hg would take for a bundle") // of which nothing could be followed
		}
	}
	return nil
}
