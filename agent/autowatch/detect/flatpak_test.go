package detect

import "testing"

func TestFlatpaks(t *testing.T) {
	runSamples(t, []Detector{flatpaks()}, []sample{
		{about: "JSON with comments", path: "build-aux/org.example.App.json", text: `{
  "app-id": "org.example.App", // the name
  "runtime": "org.example.Platform",
  "modules": [
    "shared/more.json",
    {"name": "lib", "sources": [
      {"type": "git", "url": "https://git.example.test/o/lib.git", "branch": "main"},
      {"type": "git", "url": "https://git.example.test/o/tagged.git", "tag": "1.2"},
      {"type": "git", "url": "https://git.example.test/o/so-called.git", "tag": "main"},
      {"type": "git", "url": "https://git.example.test/o/pinned.git", "branch": "main", "commit": "` + hash + `"},
      {"type": "archive", "url": "https://github.com/o/r/archive/main.tar.gz", "sha256": "12"}
    ], "modules": [
      {"name": "inner", "sources": [{"type": "git", "url": "https://git.example.test/o/inner"}]}
    ]},
    {"name": "app", "sources": [{"type": "git", "url": "../.."}, {"type": "dir", "path": "."}]},
  ]
}
`, want: []string{
			"7 https://git.example.test/o/lib.git main branch",
			"8 https://git.example.test/o/tagged.git 1.2 tag",
			"9 https://git.example.test/o/so-called.git main any tag-first",
			"10 https://git.example.test/o/pinned.git " + hash + " commit",
			"13 https://git.example.test/o/inner - any",
		}},
		{about: "YAML", path: ".flatpak-manifest.yml", text: `id: org.example.App
runtime: org.example.Platform
modules:
- name: x
  sources:
  - type: git
    url: https://git.example.test/o/x.git
    branch: stable
`, want: []string{"7 https://git.example.test/o/x.git stable branch"}},
		{about: "something else", path: "org.example.Other.json", text: `{"modules": [{"sources": [{"type": "git", "url": "https://git.example.test/o/x"}]}]}`},
		{about: "cut short", path: "org.example.App.json", text: `{"id": "x", "runtime": "git", "modules": [{"sources": [{"type": "git", "url": "https://h/r"}]}, `,
			want: []string{"1 https://h/r - any"}, fails: "unexpected EOF"},
	})
}
