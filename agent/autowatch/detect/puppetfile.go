package detect

// puppetfiles knows the modules of Puppet's r10k and the cookbooks of Chef's
// Berkshelf, Librarian and policies, all written in Ruby like a Gemfile.
func puppetfiles() Detector {
	return sheetDetector("Puppetfile", named("Puppetfile", "Berksfile", "Cheffile", "Policyfile*.rb"), func(s *sheet) {
		r := &gemReader{sheet: s, vars: map[string]string{}}
		ts := nested(tokens(s.text, lexis{comment: "#", quotes: `"'`, inner: "#{", wordSigns: "?!"}))
		for _, phrase := range phrases(ts) {
			if phrase[0].text != "mod" && phrase[0].text != "cookbook" {
				continue
			}
			args := phrase[1:]
			if len(args) == 1 && args[0].is('(') {
				args = args[0].inside
			}
			r.module(readOptions(args))
		}
	})
}

// module notes what a module is fetched from.
func (r *gemReader) module(o options) {
	text := func(names ...string) string {
		for _, name := range names {
			if v, ok := r.value(o.named[name]); ok {
				return v
			}
			if o.has(name) {
				return "${}" // to be reported: it is computed
			}
		}
		return ""
	}
	url, line := text("git", "hg"), o.lineOf("git")
	if o.has("github") {
		url, line = onForge("github", text("github")), o.lineOf("github")
	}
	c := choice{commit: text("commit", "revision", "ref"), tag: text("tag"), branch: text("branch", "default_branch")}
	m := c.mention(url)
	if o.has("hg") {
		m.VCS, line = "hg", o.lineOf("hg")
	}
	r.note(line, m)
}
