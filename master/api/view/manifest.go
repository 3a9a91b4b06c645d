package view

import (
	"cmp"
	"fmt"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/state"
)

// Origin is the commit that a manifest came with; all is empty for a file of the
// master's own directory.
type Origin struct {
	Repo        string    `json:"repo,omitempty"`   // URL
	Branch      string    `json:"branch,omitempty"` // as configured; "" is the remote's HEAD
	Commit      string    `json:"commit,omitempty"`
	Author      string    `json:"author,omitempty"`
	CommittedAt time.Time `json:"committed_at,omitzero"`
}

// Manifest is a manifest file and the commit that it came with.
type Manifest struct {
	File string `json:"file"` // in the repository, if there is one
	Origin
}

// ManifestRepo is a git repository of manifests, and how it is doing.
type ManifestRepo struct {
	URL         string    `json:"url"`
	Branch      string    `json:"branch"`    // "" is the remote's HEAD
	Directory   string    `json:"directory"` // "" is its root
	Commit      string    `json:"commit"`    // that was read last
	Author      string    `json:"author"`
	CommittedAt time.Time `json:"committed_at,omitzero"`
	CheckedAt   time.Time `json:"checked_at,omitzero"` // when the remote answered last
	Error       string    `json:"error"`
}

// In is the directory and the branch, for people.
func (r ManifestRepo) In() string {
	return fmt.Sprintf("%s of %s", cmp.Or(r.Directory, "/"), cmp.Or(r.Branch, "HEAD"))
}

// ShortCommit is the beginning of a commit.
func ShortCommit(commit string) string { return commit[:min(len(commit), 12)] }

// By is commit and author for people; "" when there is no commit.
func (o Origin) By() string {
	if o.Commit == "" {
		return ""
	}
	return fmt.Sprintf("commit %s by %s", ShortCommit(o.Commit), o.Author)
}

// Problem is one error in a manifest file.
type Problem struct {
	Instance string `json:"instance"` // or the file's name where that gives none
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Key      string `json:"key"`
	Message  string `json:"message"`
	Hint     string `json:"hint"`
	Origin
}

// Problems shows the errors of one file.
func Problems(name string, errs manifests.Errors) []Problem {
	all := make([]Problem, 0, len(errs))
	for _, e := range errs {
		all = append(all, Problem{
			Instance: name, File: e.File, Line: e.Line, Column: e.Column, Key: e.Key, Message: e.Message, Hint: e.Hint,
		})
	}
	return all
}

// ProblemsOf shows why a manifest is not in force.
func ProblemsOf(f *state.Fault) []Problem {
	all := Problems(f.Name, f.Errors)
	for i := range all {
		all[i].Origin = Origin(f.Origin)
	}
	return all
}

// String is the problem as compilers write it, file:line:column: message, and
// the commit that it came with.
func (p Problem) String() string {
	text := (&manifests.Error{
		Place: manifests.Place{File: p.File, Line: p.Line, Column: p.Column}, Message: p.Message, Hint: p.Hint,
	}).Error()
	if by := p.By(); by != "" {
		text += " (" + by + ")"
	}
	return text
}
