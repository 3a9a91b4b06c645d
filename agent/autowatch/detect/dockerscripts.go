package detect

import (
	"path"
	"slices"
	"strings"
)

// maxCopied bounds the files that an image is given.
const maxCopied = 200

// copiedFiles are the sources of a COPY or ADD that are of the workspace; of a
// pattern the directory.
func copiedFiles(words []dockerWord) []string {
	var sources []string
	for _, w := range words[:max(0, len(words)-1)] {
		switch text := strings.Trim(w.text, `[],"`); {
		case strings.HasPrefix(text, "--from"):
			return nil
		case !strings.HasPrefix(text, "-") && !strings.Contains(text, "://"):
			if strings.ContainsAny(path.Base(text), "*?[") {
				text = path.Dir(text)
			}
			sources = append(sources, text)
		}
	}
	return sources
}

// copiedScripts follows a command into scripts that were copied before. Where
// they lie in the workspace the Dockerfile does not say: its context may be any
// directory above.
func (d *dockerfile) copiedScripts(sh *shell, command []dockerWord) {
	if d.calls == nil || len(d.copied) == 0 || len(d.copied) > maxCopied {
		return
	}
	for i, w := range command {
		name := path.Base(w.text)
		first := i == 0 && strings.Contains(w.text, "/")
		if !isShellName(name) && !first || strings.Contains(w.text, "://") || name == "." || name == ".." {
			continue
		}
		call := scriptCall{name: name, args: command[i+1:]}
		for _, context := range contexts() {
			d.calls.top = context
			if slices.ContainsFunc(d.copied, func(source string) bool { return d.copiedScript(sh, path.Join(context, source), call) }) {
				break
			}
		}
	}
}

// contexts are the directories that may be the context of an image.
func contexts() []string { return []string{".", "..", "../..", "../../.."} }

// copiedScript takes a script of this name for the file that was copied, or for
// one in the directory that was.
func (d *dockerfile) copiedScript(sh *shell, file string, call scriptCall) bool {
	if path.Base(file) != call.name {
		file = path.Join(file, call.name)
	}
	return d.calls.script(file, sh, call)
}

// copiedMakefile follows a call of make where all of the context was copied to
// where it runs, into the nearest Makefile above that may be the context's.
func (d *dockerfile) copiedMakefile(sh *shell, command []dockerWord) {
	call, ok := readMakeCall(sh.expandedWords(command))
	if !ok || !d.inContext || sh.place.at == "" {
		return
	}
	changed := sh.place.at
	defer func() { sh.place.at = changed }()
	for _, context := range contexts() {
		sh.place.at = path.Join(context, changed)
		if d.calls.top = context; d.calls.make(sh, call) {
			return
		}
	}
}
