package detect

// project reads a project that a controller (AWX) is to have, in whatever form
// it is given to one. Without a branch it is HEAD; one with a branch is a pair.
func (a *ansibleFile) project(table *node) {
	repo := table.at("scm_url")
	if repo.str() == "" || table.value("scm_type") != "git" || table.value("scm_branch") != "" {
		return
	}
	if url := a.scope(table).expand(repo.text); looksLikeGit(url) {
		a.note(repo.line, Mention{URL: url})
	}
}
