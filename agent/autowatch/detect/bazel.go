package detect

// bazel knows the repositories of Bazel's workspaces and modules.
func bazel() Detector {
	wants := named("WORKSPACE", "WORKSPACE.bazel", "WORKSPACE.bzlmod", "MODULE.bazel", "*.MODULE.bazel", "*.bzl")
	return sheetDetector("Bazel", wants, func(s *sheet) {
		s.bazelCalls(nested(tokens(s.text, lexis{comment: "#", quotes: `"'`, triple: true})))
	})
}

func (s *sheet) bazelCalls(ts []token) {
	for i, t := range ts {
		if i > 0 && t.is('(') && ts[i-1].is('w') {
			switch ts[i-1].text {
			case "git_repository", "new_git_repository", "git_override":
				s.bazelCall(readOptions(t.inside))
			case "http_archive", "archive_override":
				s.bazelArchive(readOptions(t.inside))
			}
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

// bazelArchive reads the first address of an archive, as all are mirrors of one.
// Where its sum is written down it stays what it is.
func (s *sheet) bazelArchive(o options) {
	if o.has("sha256") || o.has("integrity") {
		return
	}
	addresses := o.named["url"]
	if urls := o.named["urls"]; len(urls) == 1 && urls[0].is('[') {
		addresses = urls[0].inside
	}
	for _, t := range addresses {
		if m, ok := archiveFile(t.text); ok && t.is('s') {
			s.note(t.line, m)
			return
		}
	}
}
