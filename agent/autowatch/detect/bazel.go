package detect

import "slices"

// bazel knows the repositories of Bazel's workspaces and modules.
func bazel() Detector {
	wants := named("WORKSPACE", "WORKSPACE.bazel", "WORKSPACE.bzlmod", "MODULE.bazel", "*.MODULE.bazel", "*.bzl")
	return sheetDetector("Bazel", wants, func(s *sheet) {
		s.bazelCalls(nested(tokens(s.text, lexis{comment: "#", quotes: `"'`, triple: true})))
	})
}

func (s *sheet) bazelCalls(ts []token) {
	calls := []string{"git_repository", "new_git_repository", "git_override"}
	for i, t := range ts {
		if i > 0 && t.is('(') && ts[i-1].is('w') && slices.Contains(calls, ts[i-1].text) {
			s.bazelCall(readOptions(t.inside))
		}
		s.bazelCalls(t.inside)
	}
}

func (s *sheet) bazelCall(o options) {
	literal := func(name string) string {
		if v := o.named[name]; len(v) == 1 && v[0].is('s') {
			return v[0].text
		}
		return ""
	}
	c := choice{commit: literal("commit"), tag: literal("tag"), branch: literal("branch")}
	if c == (choice{}) && (o.has("commit") || o.has("tag")) {
		return // a constant says which
	}
	s.note(o.lineOf("remote"), c.mention(literal("remote")))
}
