package detect

import (
	"cmp"
	"iter"
	"path"
	"regexp"
	"slices"
	"strings"
)

// pipelineScripts knows what the commands that stand in a pipeline clone and
// have pip install, also in the shell scripts of the workspace that they call.
// What is put together while they run is left to the build to declare.
func pipelineScripts() Detector {
	wants := anyOf(
		named("action.yml", "action.yaml", ".travis.yml", ".goreleaser.y*ml", "*.gitlab-ci.y*ml", "*azure-pipeline*.y*ml", "*azure_pipeline*.y*ml", ".probo.y*ml",
			"bitbucket-pipelines.yml", ".cirrus.yml", ".drone.yml", ".woodpecker.y*ml", "appveyor.yml", ".appveyor.yml", "cloudbuild.y*ml",
			"buildspec*.y*ml", ".readthedocs.y*ml", ".packit.y*ml", "packit.y*ml", ".gitpod.y*ml", "codemagic.y*ml", "bitrise.y*ml", "wercker.yml",
			"screwdriver.y*ml", "okteto.y*ml", "cog.yaml", "AppImageBuilder*.y*ml", "devcontainer.json", ".devcontainer.json", "vercel.json"),
		below(".github/workflows", ".gitea/workflows", ".forgejo/workflows", ".github/actions", ".gitea/actions", ".forgejo/actions",
			".gitlab", ".gitlab-ci", "gitlab-ci", ".circleci", ".lightning", ".semaphore", ".buildkite", ".woodpecker", ".azure-pipelines", "azure-pipelines", ".builds"),
	)
	return sheetDetector("scripts of pipelines", wants, func(s *sheet) {
		if !isGitLab(s.file.Path) && !hintOfScript.MatchString(s.text) && !hintOfCall.MatchString(s.text) {
			return
		}
		calls := newScriptCalls(s, topOf(s.file.Path))
		trees := s.pipelineTrees()
		if isGitLab(s.file.Path) {
			for _, file := range s.gitlabFiles(trees, calls.top) {
				calls.file = file.name
				s.scriptsIn(file.doc, calls)
			}
			return
		}
		if path.Base(s.file.Path) != ".travis.yml" {
			trees = workflowTrees(trees, nil)
		}
		for _, doc := range trees {
			s.scriptsIn(doc, calls)
		}
	})
}

var (
	hintOfScript = regexp.MustCompile(`(git|hg)\+|(git|hg)\s.*(clone|fetch|pull)|--git(hub)?[\s=]|/archive/|\braw\b|\bgo\s+(install|get|run)\s|\basdf\s|cookiecutter\s|\bbench\s|\bkurtosis\s|\bhelm\s+plugin\s|\bcomposer(\.phar)?\s.*\brequire\s|install_(git|bit)|pak::|(renv|BiocManager)::install|installGithub|://|\bgh[ :]|git(hub|lab)?(\.com)?[:@/]|degit|tiged|giget|specific_install|cargo.generate|(archive|escript)\.install`)
	hintOfCall   = regexp.MustCompile(`\.(ba)?sh\b|\b(bin|scripts?|ci|tools|hack|util|utils|dev|test|tests|build)/\w|\b(make|npm|yarn|pnpm|bun|Rscript)\b`)
	scriptKey    = regexp.MustCompile(`^(run|bash|cmds?|hooks|((before|after|pre|post)[_-])?(scripts?|commands?|install)|(before|after|pre|post)[_-](checkout|build|sync|upstream-clone|modifications)|(create-archive|fix-spec-file|prepare-files)|FDO_DISTRIBUTION_(POST_)?EXEC|CIBW_(BEFORE_(ALL|BUILD|TEST)|TEST_COMMAND)(_[A-Z]+)?)$`)
	shellSetting = regexp.MustCompile(`^\w+=`)
)

// scriptsIn reads the scripts in a document. Those of github-script are not for
// a shell.
func (s *sheet) scriptsIn(doc *node, calls *scriptCalls) {
	other := map[*node]bool{}
	outer := shellRuns(nil, doc, s.file.Path)
	jobs := map[*node]pushes{}
	if calls.file != "" || mayPush(s.text) {
		jobs = jobsOf(doc)
	}
	usual := doc.value("defaults", "run", "working-directory")
	doc.tables(func(table *node) {
		if strings.HasPrefix(table.value("uses"), "actions/github-script") {
			other[table.at("with")] = true
		}
		for _, member := range table.members() {
			if !isScript(s.file.Path, member.key) {
				s.givenRequirements(member)
			} else if strings.HasPrefix(table.value("shell"), "Rscript") {
				s.rStep(member)
			} else if !other[table] {
				if s.steps > maxSteps {
					outer = outer[:1]
				}
				runs := shellRuns(outer, table, s.file.Path)
				s.scriptRuns(member.some(), runs, calls, cmp.Or(table.value("working-directory"), usual), jobs[table])
			}
		}
	})
}

// givenRequirements reads the addresses, as pip has them, that stand in a variable
// or in what an action is told.
func (s *sheet) givenRequirements(n *node) {
	if !strings.Contains(n.str(), "git+") || slices.Contains([]string{"name", "description", "title", "message", "body", "if"}, n.key) {
		return
	}
	for i, line := range n.lines() {
		s.commandRequirements(i, line)
	}
}

// lines are those of a text, by where they stand: behind the line of its key if
// there are several.
func (n *node) lines() iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		first := n.line
		if !strings.Contains(n.str(), "\n") {
			first--
		}
		for i, line := range numbered(n.str()) {
			if !yield(first+i, line) {
				return
			}
		}
	}
}

// scriptRuns reads a script once for each set of variables that it runs with.
func (s *sheet) scriptRuns(texts []*node, runs []map[string]string, calls *scriptCalls, dir string, job pushes) {
	for i, values := range runs {
		values = s.settled(values)
		sh := newShell(s, values, calls)
		sh.place, sh.job = shellPlace{file: calls.file, at: path.Join(calls.top, dir)}, job
		if i > 0 {
			sh.depth = 1 // it counts as a repetition
			s.steps += 1 + len(values)/4
		}
		given := make([]*node, len(texts))
		for i, text := range texts {
			given[i] = &node{shape: text.shape, line: text.line, text: withParameters(text.text, values)}
		}
		sh.script(given)
	}
}

// script reads a script that is one text, or one for each command, where the
// shell has these variables, and follows none that it calls.
func (s *sheet) script(texts []*node, values map[string]string) {
	newShell(s, values, nil).script(texts)
}

func (sh *shell) script(texts []*node) {
	var words []dockerWord
	for _, text := range texts {
		words = append(append(words, scriptWords(text)...), dockerWord{";", text.line})
		if len(words) > maxWords {
			break
		}
	}
	sh.run(words)
	sh.flush()
}

// scriptWords are the words of a script, with the ends of its lines as ends of
// commands. What is between "<<END" and "END" is no command.
func scriptWords(script *node) []dockerWord {
	first := script.line
	if strings.Contains(script.str(), "\n") {
		first++ // behind the "|"
	}
	var words []dockerWord
	heredoc := ""
	for n, line := range numbered(script.str()) {
		trimmed := strings.TrimSpace(line)
		if heredoc != "" {
			if trimmed == heredoc {
				heredoc = ""
			}
			continue
		}
		rest, continues := strings.CutSuffix(trimmed, `\`)
		words = append(words, shellWords(rest, first+n-1)...)
		if mark := dockerHeredoc.FindStringSubmatch(rest); mark != nil {
			heredoc = mark[1]
		}
		if !continues {
			words = append(words, dockerWord{";", first + n - 1})
		}
	}
	return words
}

var installerName = regexp.MustCompile(`(?i)install|^(get|download)[-_]|^bootstrap`)

// downloadedFile reads the address of a file of a branch, unless that is only
// what installs a release, or a picture.
func downloadedFile(address string) (m Mention, ok bool) {
	if m, ok = rawFile(address); !ok || installerName.MatchString(path.Base(address)) || pictures.MatchString(address) {
		return Mention{}, false
	}
	return m, true
}

// settings takes in what a command sets before it begins, or all of an export.
func (d *dockerfile) settings(command []dockerWord) []dockerWord {
	if len(command) > 0 && command[0].text == "export" {
		command = command[1:]
	}
	for len(command) > 0 && shellSetting.MatchString(command[0].text) {
		d.set(command[:1])
		command = command[1:]
	}
	return command
}
