package workspace

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// maxAttributes bounds what is read of one .gitattributes, in bytes.
const maxAttributes = 1 << 20

// needsGit says that go-git fetched a commit that it cannot check out faithfully.
type needsGit struct {
	reason string
	got    got
}

func (e needsGit) Error() string { return e.reason }

// checkoutReason looks for attributes that change files on their way into the
// work tree, which go-git ignores.
func (g *goGit) checkoutReason(commit plumbing.Hash) (string, error) {
	c, err := g.repo.CommitObject(commit)
	if err != nil {
		return "", err
	}
	tree, err := c.Tree()
	if err != nil {
		return "", err
	}
	walker := object.NewTreeWalker(tree, true, nil)
	defer walker.Close()
	for {
		name, entry, err := walker.Next()
		if errors.Is(err, io.EOF) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if name != ".gitattributes" && !strings.HasSuffix(name, "/.gitattributes") || !entry.Mode.IsFile() {
			continue
		}
		if attribute := g.converts(entry.Hash); attribute != "" {
			return "go-git ignores the attribute " + attribute + " in " + name, nil
		}
	}
}

// converts returns the first attribute in a .gitattributes that converts content.
func (g *goGit) converts(hash plumbing.Hash) string {
	blob, err := g.repo.BlobObject(hash)
	if err != nil {
		return ""
	}
	r, err := blob.Reader()
	if err != nil {
		return ""
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxAttributes))
	if err != nil {
		return ""
	}
	return converting(string(text))
}

func converting(text string) string {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		for _, attribute := range fields[1:] {
			name, value, _ := strings.Cut(attribute, "=")
			switch {
			case name == "filter" && value != "", name == "working-tree-encoding" && value != "",
				name == "eol" && value == "crlf", attribute == "ident":
				return attribute
			}
		}
	}
	return ""
}

// finishWithGit lets the git program check out what go-git fetched.
func (f *fetcher) finishWithGit(ctx context.Context, program string, w want, needs needsGit) (got, error) {
	f.useGit(w.url, needs.reason)
	p := f.program(program, w.url)
	if err := p.reset(ctx, w.dir, needs.got.revision); err != nil {
		return got{}, err
	}
	result := needs.got
	var err error
	result.links, err = p.links(ctx, w.dir)
	return result, err
}
