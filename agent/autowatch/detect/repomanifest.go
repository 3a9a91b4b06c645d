package detect

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// repoManifests knows the manifests of Android's tool repo. Its revisions are
// branches unless they are full names or hashes.
func repoManifests() Detector {
	return sheetDetector("repo manifest", named("*.xml"), func(s *sheet) {
		if !strings.Contains(s.text, "<manifest") || !strings.Contains(s.text, "<project") && !strings.Contains(s.text, "<include") {
			return
		}
		m := &repoManifest{sheet: s, remotes: map[string]repoRemote{}, revisions: map[string]string{}, removed: map[string]int{}, left: maxIncludes}
		m.failed(m.read(s.file.Path, s.text))
		m.finish()
	})
}

// maxIncludes bounds the files that a manifest includes, also through others.
const maxIncludes = 50

type repoRemote struct{ fetch, revision string }

type repoProject struct {
	name, remote, revision, file string
	line                         int
	super                        bool
}

// repoManifest is a manifest and what it includes.
type repoManifest struct {
	*sheet
	remotes          map[string]repoRemote
	remote, revision string // the defaults
	projects         []repoProject
	revisions        map[string]string // of extend-project
	removed          map[string]int    // the projects before this one
	left             int
}

// read takes the elements of one file. Entities other than XML's own are errors.
func (m *repoManifest) read(file, text string) error {
	d := xml.NewDecoder(strings.NewReader(text))
	counted, line := 0, 1
	for {
		start := int(d.InputOffset())
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read XML: %w", err)
		}
		line += strings.Count(text[counted:start], "\n")
		counted = start
		if e, ok := t.(xml.StartElement); ok {
			m.element(e, file, line)
		}
	}
}

func (m *repoManifest) element(e xml.StartElement, file string, line int) {
	a := map[string]string{}
	for _, attribute := range e.Attr {
		a[attribute.Name.Local] = attribute.Value
	}
	switch e.Name.Local {
	case "remote":
		m.remotes[a["name"]] = repoRemote{a["fetch"], a["revision"]}
	case "default":
		m.remote, m.revision = a["remote"], a["revision"]
	case "project", "superproject":
		super := e.Name.Local == "superproject"
		m.projects = append(m.projects, repoProject{a["name"], a["remote"], a["revision"], file, line, super})
	case "extend-project":
		if a["revision"] != "" {
			m.revisions[a["name"]] = a["revision"]
		}
	case "remove-project":
		m.removed[a["name"]] = len(m.projects)
	case "include":
		m.include(a["name"])
	}
}

// include reads another manifest as a part of this one. That it can be read on
// its own does not help: its remotes may be in this one.
func (m *repoManifest) include(name string) {
	if m.left--; m.left < 0 || name == "" || strings.Contains(name, "..") {
		return
	}
	if text := m.beside(name); text != "" {
		m.failed(m.read(path.Join(path.Dir(m.file.Path), name), text))
	}
}

// finish takes the projects, now that all that is said of them is known.
func (m *repoManifest) finish() {
	for i, p := range m.projects {
		if p.name == "" || i < m.removed[p.name] {
			continue
		}
		remote, known := m.remotes[cmp.Or(p.remote, m.remote)]
		if !known {
			if len(m.remotes) > 0 { // otherwise it is a part of another manifest
				m.fail(p.line, "the remote of the project is not known")
			}
			continue
		}
		mention := repoRevision(cmp.Or(m.revisions[p.name], p.revision, remote.revision, m.revision))
		mention.URL, mention.File = remote.url(p.name), p.file
		if p.super && mention.Kind == Branch { // git fetches it by its name
			mention.Kind, mention.TagFirst = Any, true
		}
		m.note(p.line, mention)
	}
}

func repoRevision(revision string) Mention {
	if name, ok := strings.CutPrefix(revision, "refs/tags/"); ok {
		return Mention{Name: name, Kind: Tag}
	}
	name := strings.TrimPrefix(revision, "refs/heads/")
	if name == "" || strings.HasPrefix(name, "refs/") {
		return Mention{Name: name}
	}
	return Mention{Name: name, Kind: Branch}
}

// url is where a project of the remote is. A relative one is relative to where
// the manifest's own URL lies, as in a web page.
func (r repoRemote) url(project string) string {
	fetch := strings.TrimRight(r.fetch, "/")
	switch {
	case strings.HasPrefix(fetch, "."):
		return path.Join("..", fetch, project)
	case strings.HasSuffix(fetch, ":"):
		return fetch + project
	}
	return fetch + "/" + project
}
