package repos

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wright-build/wright/manifests"
)

// remote is the far side of one repository.
type remote interface {
	// tip is the commit that the branch is at.
	tip(ctx context.Context) (string, error)
	// fetch brings the commit into the clone, or a newer one that the branch is
	// at by now, and returns which.
	fetch(ctx context.Context, tip string) (string, error)
}

// newRemote chooses how a repository is reached: http and https within this
// process, the rest with the git program, which can be killed and which knows
// the user's ssh configuration.
func newRemote(what manifests.Repo, c clone, logins Logins) remote {
	p := program{what: what, clone: c, logins: logins}
	if scheme, _, _ := strings.Cut(what.URL, "://"); strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https") {
		return newOverHTTP(what, c, logins, p)
	}
	return p
}

// refs is what a remote advertises of what was asked for.
type refs struct {
	byName map[string]string
	head   string // the branch that HEAD is on; "" where the remote does not say
}

// branchRef is the ref that is followed.
func branchRef(branch string) string {
	if branch == "" {
		return "HEAD"
	}
	return "refs/heads/" + branch
}

// tip finds the commit of the branch, or says what a person must know.
func (r refs) tip(branch string) (string, error) {
	commit := r.byName[branchRef(branch)]
	switch {
	case len(r.byName) == 0 && branch == "":
		return "", errors.New("the remote is empty, or its HEAD is on no branch")
	case len(r.byName) == 0:
		return "", fmt.Errorf("the remote has no branch %s, or is empty", branch)
	case commit == "" && branch == "":
		return "", errors.New("the remote's HEAD is on no branch that exists: name a branch")
	case commit == "" && r.head != "":
		return "", fmt.Errorf("the remote has no branch %s; its HEAD is on %s", branch, r.head)
	case commit == "":
		return "", fmt.Errorf("the remote has no branch %s", branch)
	case len(commit) != 40:
		return "", errors.New("the repository has commits of another length than SHA-1's: it cannot be followed yet")
	}
	return commit, nil
}

// login is what a remote is opened with.
func login(logins Logins, url string) (Login, error) {
	if logins == nil {
		return Login{}, nil
	}
	l, err := logins.For(url)
	if err != nil {
		return Login{}, fmt.Errorf("find the login of %s: %w", url, err)
	}
	return l, nil
}
