package detect

import (
	"regexp"
	"strings"
)

// cmakeFiles knows FetchContent_Declare, ExternalProject_Add and what takes
// their arguments, files that are downloaded and commands that are run, in
// CMakeLists.txt and *.cmake. Variables count that the same file sets to a text.
func cmakeFiles() Detector {
	return sheetDetector("cmake", named("CMakeLists.txt", "*.cmake"), func(s *sheet) {
		if !cmakeFetches.MatchString(s.text) {
			return
		}
		r := &cmakeReader{sheet: s, vars: map[string]string{}, calls: newScriptCalls(s, ".")}
		r.commands(nested(tokens(s.text, lexis{comment: "#", block: [2]string{"#[[", "]]"}, quotes: `"`, wordSigns: "${}.-/:@+=~,;<>*&%?!|^[]'"})))
	})
}

var cmakeFetches = regexp.MustCompile(`GIT_|CPM|URL|DOWNLOAD|COMMAND`)

type cmakeReader struct {
	*sheet
	vars  map[string]string
	calls *scriptCalls
}

func (r *cmakeReader) commands(ts []token) {
	for i := 1; i < len(ts); i++ {
		if args := ts[i].inside; ts[i].is('(') && ts[i-1].is('w') && len(args) > 0 {
			switch strings.ToLower(ts[i-1].text) {
			case "set":
				if len(args) > 1 && len(r.vars) < maxMentions {
					r.vars[args[0].text] = args[1].text
				}
			case "cpmaddpackage":
				r.cpm(args)
			case "file":
				r.download(args)
			default:
				r.repository(args)
				r.run(args)
			}
		}
	}
}

// after is the value that follows a keyword, and its line.
func (r *cmakeReader) after(args []token, keyword string) (string, int) {
	for i, t := range args {
		if t.text == keyword && t.is('w') && i+1 < len(args) {
			return r.expand(args[i+1].text), args[i+1].line
		}
	}
	return "", 0
}

var cmakeVariable = regexp.MustCompile(`\$\{[\w.-]+\}`)

// expand puts in the variables that are known. The rest stays, which tells
// that the text is computed.
func (r *cmakeReader) expand(text string) string {
	return cmakeVariable.ReplaceAllStringFunc(text, func(v string) string {
		if value, ok := r.vars[v[2:len(v)-1]]; ok && len(value) < maxURL {
			return value
		}
		return v
	})
}

// repository notes GIT_REPOSITORY and GIT_TAG, which is a tag, a branch or a
// commit. Without it, CMake takes master. An archive that a forge makes is
// followed unless its sum is there.
func (r *cmakeReader) repository(args []token) {
	url, line := r.after(args, "GIT_REPOSITORY")
	if line == 0 {
		archive, at := r.after(args, "URL")
		_, hash := r.after(args, "URL_HASH")
		_, md5 := r.after(args, "URL_MD5")
		if m, ok := archiveFile(archive); ok && hash+md5 == 0 {
			r.note(at, m)
		}
		return
	}
	name, _ := r.after(args, "GIT_TAG")
	if name == "" {
		name = "master"
	}
	r.cmake(line, url, name)
}

func (r *cmakeReader) cmake(line int, url, name string) {
	name = strings.TrimPrefix(name, "origin/")
	r.note(line, choice{commit: name}.mention(gitURL(url)))
}

// cpm notes what CPMAddPackage names: GITHUB_REPOSITORY, or "gh:o/r#name". A
// version is a tag.
func (r *cmakeReader) cpm(args []token) {
	for option, forge := range map[string]string{"GITHUB_REPOSITORY": "github", "GITLAB_REPOSITORY": "gitlab"} {
		repo, line := r.after(args, option)
		if name, _ := r.after(args, "GIT_TAG"); line > 0 && name != "" {
			r.cmake(line, onForge(forge, repo), name)
		}
	}
	if name, _ := r.after(args, "GIT_TAG"); name != "" {
		r.repository(args)
	}
	if len(args) == 1 && args[0].is('s') {
		from, name, ok := strings.Cut(r.expand(args[0].text), "#")
		short, repo, _ := strings.Cut(from, ":")
		forge := map[string]string{"gh": "github", "gl": "gitlab", "bb": "bitbucket"}[short]
		if ok && forge != "" {
			r.cmake(args[0].line, onForge(forge, repo), name)
		}
	}
}
