package detect

import (
	"path"
	"slices"
	"strings"
)

// Bounds of what makes one pipeline of GitLab's.
const (
	maxBases   = 10     // jobs that one extends, one after the other
	maxMembers = 50_000 // members of all jobs when each has those that it extends
)

// gitlabFile is one of the files that make a pipeline of GitLab's.
type gitlabFile struct {
	name string // as seen from the pipeline; "" for its own
	doc  *node
}

// gitlabJobs puts a pipeline of GitLab's together from the files of the work
// tree that it includes.
type gitlabJobs struct {
	*sheet
	top   string
	files []gitlabFile // the later ones win
	read  map[string]bool
	jobs  map[string]gitlabFile // each job by its name, with where it stands
	bases map[string]bool       // the jobs that others extend
	left  int                   // members that jobs may still have
}

// gitlabFiles are the files of a pipeline of GitLab's, each with the jobs whose
// scripts stand there. All have the variables that any of them sets, and a job
// has what those have that it extends.
func (s *sheet) gitlabFiles(docs []*node, top string) []gitlabFile {
	g := &gitlabJobs{sheet: s, top: top, read: map[string]bool{}, jobs: map[string]gitlabFile{}, bases: map[string]bool{}, left: maxMembers}
	for _, doc := range docs {
		g.take(doc, "")
	}
	variables := &node{shape: isTable, line: 1}
	for _, file := range g.files {
		variables = g.over(variables, file.doc.at("variables"))
		for _, job := range file.doc.members() {
			g.jobs[job.key] = gitlabFile{file.name, job}
			for _, base := range job.at("extends").some() {
				g.bases[base.value()] = true
			}
		}
	}
	return g.whole(variables)
}

// whole are the files with all that their jobs have. A template runs where a job
// extends it; one that none does is there for other pipelines.
func (g *gitlabJobs) whole(variables *node) []gitlabFile {
	var whole []gitlabFile
	for _, file := range g.files {
		for _, job := range without(file.doc, "variables").members() {
			if strings.HasPrefix(job.key, ".") && g.bases[job.key] {
				continue
			}
			name := g.scriptFile(gitlabFile{file.name, job}, 0)
			at := slices.IndexFunc(whole, func(f gitlabFile) bool { return f.name == name })
			if at < 0 {
				at = len(whole)
				whole = append(whole, gitlabFile{name, &node{shape: isTable, line: 1}})
			}
			whole[at].doc.put(job.key, g.job(job, 0))
		}
	}
	for _, file := range whole {
		file.doc.put("variables", variables)
	}
	return whole
}

// scriptFile is the file that the script of a job stands in.
func (g *gitlabJobs) scriptFile(job gitlabFile, depth int) string {
	bases := job.doc.at("extends").some()
	if job.doc.at("script") != nil || depth > maxBases {
		return job.name
	}
	for _, name := range slices.Backward(bases) {
		if base := g.jobs[name.value()]; base.doc.at("script") != nil || base.doc.at("extends") != nil {
			return g.scriptFile(base, depth+1)
		}
	}
	return job.name
}

// take takes a document in, behind those that it includes.
func (g *gitlabJobs) take(doc *node, name string) {
	for _, include := range doc.at("include").some() {
		local := include.value("local")
		if include.shape == isText && !strings.Contains(include.text, "://") {
			local = include.text
		}
		file := path.Join(g.top, strings.TrimPrefix(local, "/"))
		if local == "" || isComputed(local) || g.read[file] || len(g.read) >= maxIncludes {
			continue
		}
		g.read[file] = true
		other := &sheet{findings: newFindings(File{}), text: g.beside(file)}
		for _, doc := range other.quietTrees() {
			g.take(doc, file)
		}
	}
	if doc != nil && doc.shape == isTable {
		g.files = append(g.files, gitlabFile{name, doc})
	}
}

// job is one with what it extends, and with one script of all that its shell reads.
func (g *gitlabJobs) job(job *node, depth int) *node {
	if g.left--; job.shape != isTable || g.left < 0 {
		return job
	}
	whole := &node{shape: isTable, line: job.line, key: job.key}
	for _, name := range job.at("extends").some() {
		if base := g.jobs[name.value()].doc; base != nil && depth < maxBases {
			whole = g.over(whole, g.job(base, depth+1))
		}
	}
	whole = g.over(whole, job)
	if depth == 0 {
		g.joinScripts(whole)
	}
	return whole
}

// over is a table with the members of another, which win; of tables that both
// have the members are taken together.
func (g *gitlabJobs) over(under, table *node) *node {
	if table == nil || table.shape != isTable {
		return under
	}
	both := &node{shape: isTable, line: table.line, key: table.key}
	for _, member := range append(under.members(), table.members()...) {
		if g.left--; g.left < 0 {
			break
		}
		copied := *member
		if before := both.at(member.key); before != nil {
			if before.shape == isTable && member.shape == isTable && member.key == "variables" {
				copied = *g.over(before, member)
			}
			*before = copied
			continue
		}
		both.put(member.key, &copied)
	}
	return both
}

// joinScripts has a job read its scripts as its shell does: what runs before is
// a part of the same. Where the one pushes, what the other clones is judged by itself.
func (g *gitlabJobs) joinScripts(job *node) {
	script, before := job.at("script"), job.at("before_script")
	if script == nil {
		return
	}
	first, then := g.commands(before, 0), g.commands(script, 0)
	if before != nil && !strings.Contains(joined(then), "push") {
		*before = node{key: before.key, line: before.line}
		first, then = nil, append(first, then...)
	}
	if first != nil {
		*before = node{shape: isList, key: before.key, line: before.line, items: first}
	}
	*script = node{shape: isList, key: script.key, line: script.line, items: then}
}

// commands are those of a script, of which some may be lists of more, or refer
// to the script of another job.
func (g *gitlabJobs) commands(script *node, depth int) []*node {
	if script == nil || depth > maxBases {
		return nil
	}
	if script.shape != isList {
		copied := *script // what it is in is changed
		return []*node{&copied}
	}
	if len(script.items) == 2 && depth > 0 {
		if part := g.jobs[script.items[0].value()].doc.at(script.items[1].value()); part != nil {
			return g.commands(part, depth+1)
		}
	}
	var all []*node
	for _, item := range script.items {
		if g.left--; g.left < 0 {
			break
		}
		all = append(all, g.commands(item, depth+1)...)
	}
	return all
}
