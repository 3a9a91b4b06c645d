package manifests

// Artifacts are the files of the workspace that outlive a build.
type Artifacts struct {
	Paths  Paths     // of what is kept; Only is empty if nothing is
	JUnit  []string  `json:",omitempty"` // patterns of test reports
	When   Condition // default AfterSuccess
	MaxMiB int       // of all of them together; default 1024
}

func artifactKeys() []KeyDoc {
	return []KeyDoc{
		{"artifacts", "table", "", "files of the workspace that outlive the build"},
		{"artifacts.paths", "array of strings", "[]", `which are kept, such as "dist/*.tar.gz" or "coverage/"`},
		{"artifacts.exclude", "array of strings", "[]", "which of them are not"},
		{"artifacts.junit", "array of strings", "[]", "test reports in JUnit's XML, shown as tests"},
		{"artifacts.when", `"on-success", "on-failure" or "always"`, `"on-success"`, "after what they are kept; test reports always are read"},
		{"artifacts.max-mib", "integer, 1 to 1048576", "1024", "how large all of them together may be; a build with more of them fails"},
	}
}

func (t table) artifacts() *Artifacts {
	t.closed("")
	a := &Artifacts{
		Paths: Paths{Only: t.globs("paths"), Ignore: t.globs("exclude")}, JUnit: t.globs("junit"),
		When: t.condition(), MaxMiB: t.integer("max-mib", 1024, 1, 1<<20),
	}
	if a.Paths.Only == nil && a.JUnit == nil && !t.has("paths") && !t.has("junit") {
		t.missing("paths", `write paths = ["dist/*"], or junit = ["reports/*.xml"]`)
	}
	return a
}

// Matches says whether a path of the workspace matches one of the patterns.
func Matches(patterns []string, name string) bool { return matchesAny(compile(patterns), name) }
