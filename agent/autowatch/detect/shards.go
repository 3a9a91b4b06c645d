package detect

// shardFiles knows shard.yml and shard.override.yml of Crystal. Where nothing
// is asked for, it is the newest release.
func shardFiles() Detector {
	return sheetDetector("shards", named("shard.yml", "shard.override.yml"), func(s *sheet) {
		for _, root := range s.yamlTrees() {
			for _, kind := range []string{"dependencies", "development_dependencies"} {
				for _, d := range root.at(kind).members() {
					s.shard(d)
				}
			}
		}
	})
}

func (s *sheet) shard(d *node) {
	for _, from := range []string{"git", "hg", "github", "gitlab", "bitbucket", "codeberg"} {
		where := d.str(from)
		if where == "" {
			continue
		}
		c := choice{branch: d.scalar("branch"), tag: d.scalar("tag"), commit: d.scalar("commit")}
		m := c.mention(where)
		if c == (choice{}) {
			m.Name, m.Kind = "*", Version
		}
		switch from {
		case "git":
			m.URL = gitURL(where)
		case "hg":
			m.VCS = "hg"
		default:
			m.URL = onForge(from, where)
		}
		s.note(d.lineOf(from), m)
	}
}
