package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// pushes are where the steps of one job put something: what is cloned there is
// no dependency, and a build that watched it would start itself.
type pushes struct {
	dirs  []string // as seen from where the job begins
	names []string // what actions that push are told, among it repositories
}

var (
	pushingAction = regexp.MustCompile(`(?i)(push|commit|deploy|publish|gh-pages|pull-request|[-_]pr\b)`)
	pushedInput   = regexp.MustCompile(`(?i)^(dir|directory|path|cwd|repo|repository|repository[-_]path|working[-_]dir(ectory)?|git[-_]dir)$`)
	pushedAt      = regexp.MustCompile(`(?m)(?:^|[;&|(]|\bthen\b|\bdo\b)\s*(?:(cd|pushd)\s+([^\s;&|)]+)|(popd)\b|git\s+(?:-c\s+\S+\s+)*(?:-C\s+(\S+)\s+)?(?:-c\s+\S+\s+)*push\b)`)
	buildsAtTop   = regexp.MustCompile(`^(?:\$\{\{ *github\.workspace *\}\}|\$\{?(?:GITHUB_WORKSPACE|CI_PROJECT_DIR|WORKSPACE)\}?)/?`)
)

// jobsOf are the pushes of the jobs in a document, by the tables of their steps.
func jobsOf(doc *node) map[*node]pushes {
	jobs := map[*node]pushes{}
	doc.tables(func(table *node) {
		if _, isStep := jobs[table]; isStep {
			return
		}
		p := pushesOf(table)
		if len(p.dirs)+len(p.names) == 0 {
			return
		}
		jobs[table] = p
		for _, step := range table.at("steps").list() {
			jobs[step] = p
		}
	})
	return jobs
}

// mayPush tells whether a text has any word of those that pushes have. It is
// asked of files that are read many times.
func mayPush(text string) bool {
	return slices.ContainsFunc([]string{"push", "commit", "deploy", "publish", "pages", "pull-request", "-pr"}, func(word string) bool {
		return strings.Contains(text, word)
	})
}

// pushesOf reads the steps of a job, or the job that is one script.
func pushesOf(job *node) pushes {
	var p pushes
	usual := job.value("defaults", "run", "working-directory")
	for _, step := range append(job.at("steps").list(), job) {
		if pushingAction.MatchString(step.value("uses")) {
			for _, input := range step.at("with").members() {
				if len(p.names) > maxItems {
					break
				}
				p.names = append(p.names, input.value())
				if pushedInput.MatchString(input.key) {
					p.dirs = append(p.dirs, jobDir(input.value()))
				}
			}
		}
		at := step.value("working-directory")
		if at == "" {
			at = usual
		}
		for _, member := range step.members() {
			if scriptKey.MatchString(member.key) {
				p.script(at, joined(member.some()))
			}
		}
	}
	return p
}

// joined are the lines of a script that is one text, or one for each command.
func joined(texts []*node) string {
	var lines []string
	for _, text := range texts {
		lines = append(lines, text.str())
	}
	return strings.Join(lines, "\n")
}

// script notes the directories in which a script pushes.
func (p *pushes) script(at, text string) {
	if !strings.Contains(text, "push") {
		return
	}
	here, before := jobDir(at), ""
	for _, parts := range pushedAt.FindAllStringSubmatch(text, maxItems) {
		switch {
		case len(p.dirs) > maxItems:
			return
		case parts[2] != "":
			here, before = within(here, parts[2]), here
		case parts[3] != "":
			here = before
		default:
			p.dirs = append(p.dirs, within(here, parts[4]))
		}
	}
}

// within is a directory that is named from another one.
func within(dir, to string) string {
	to = strings.Trim(to, `"'`)
	if buildsAtTop.MatchString(to) || path.IsAbs(to) || strings.HasPrefix(to, "$") {
		return jobDir(to)
	}
	return path.Join(dir, to)
}

// jobDir is a directory as seen from where the job begins.
func jobDir(dir string) string {
	return path.Clean("./" + strings.TrimPrefix(buildsAtTop.ReplaceAllString(strings.Trim(dir, `"'`), ""), "./"))
}

// reach tells whether the job puts something into what it has of a repository in
// a directory.
func (p pushes) reach(dir, url string) bool {
	dir = jobDir(dir)
	repository := ownerAndName(url)
	return slices.ContainsFunc(p.dirs, func(at string) bool {
		return at == dir || dir != "." && strings.HasPrefix(at, dir+"/")
	}) || slices.ContainsFunc(p.names, func(told string) bool { return repository != "" && ownerAndName(told) == repository })
}

// ownerAndName are the last two parts of an address, "" if there are no two.
func ownerAndName(address string) string {
	address = strings.TrimSuffix(strings.TrimRight(strings.ToLower(address), "/"), ".git")
	parts := strings.FieldsFunc(address, func(r rune) bool { return r == '/' || r == ':' })
	if len(parts) < 2 || strings.ContainsAny(address, " \n") {
		return ""
	}
	return strings.Join(parts[len(parts)-2:], "/")
}

// pushedClone tells whether a job pushes to what one of its steps clones in a
// directory.
func (p pushes) pushedClone(at string, c clone) bool {
	into := c.into
	if into == "" {
		into = strings.TrimSuffix(path.Base(c.URL), ".git")
	}
	return p.reach(within(jobDir(at), into), c.URL)
}
