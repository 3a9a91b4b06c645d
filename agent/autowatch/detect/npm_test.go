package detect

import "testing"

func TestNPMSpec(t *testing.T) {
	const oR = "https://github.com/o/r"
	tests := []struct{ spec, want string }{
		{"^1.2.3", ""},
		{"latest", ""},
		{"*", ""},
		{"", ""},
		{">=1 <2 || 3.x", ""},
		{"npm:other@^1", ""},
		{"npm:@o/r@^1", ""},
		{"workspace:*", ""},
		{"catalog:", ""},
		{"file:../x", ""},
		{"link:./x", ""},
		{"portal:./x", ""},
		{"./o/r", ""},
		{"../o", ""},
		{"~/o", ""},
		{"@o/r", ""},
		{"patch:left-pad@npm%3A1.0.0#./a.patch", ""},
		{"https://registry.example.test/x/-/x-1.0.0.tgz", ""},
		{"https://codeload.github.com/o/r/tar.gz/main", oR + " main any tag-first"},
		{"https://github.com/o/r/tarball/main", oR + " main any tag-first"},
		{"https://github.com/o/r/archive/main.tar.gz", oR + " main any tag-first"},
		{"https://example.test/x.tgz#main", ""},
		{"o/r", oR + " - any"},
		{"o/r#main", oR + " main any tag-first"},
		{"o/r#feature/x", oR + " feature/x any tag-first"},
		{"o/r.js#v1.0.0", "https://github.com/o/r.js v1.0.0 any tag-first"},
		{"o/r#" + hash, oR + " " + hash + " commit"},
		{"o/r#0123abc", oR + " 0123abc commit"},
		{"o/r#semver:^1.2", oR + " ^1.2 version"},
		{"o/r#main&path:/packages/x", oR + " main any tag-first"},
		{"o/r#path:/packages/x", oR + " - any"},
		{"o/r#a%2Fb", oR + " a/b any tag-first"},
		{"github:o/r#main", oR + " main any tag-first"},
		{"gitlab:g/s/r#main", "https://gitlab.com/g/s/r main any tag-first"},
		{"bitbucket:o/r", "https://bitbucket.org/o/r - any"},
		{"gist:u/11081aaa281", "https://gist.github.com/11081aaa281 - any"},
		{"git+https://github.com/o/r.git#main", oR + ".git main any tag-first"},
		{"git+https://github.com/o/r.git", oR + ".git - any"},
		{"git+ssh://git@github.com/o/r.git#main", "ssh://git@github.com/o/r.git main any tag-first"},
		{"git+ssh://git@github.com:o/r.git#main", "git@github.com:o/r.git main any tag-first"},
		{"git+ssh://git@host.test:2222/o/r.git", "ssh://git@host.test:2222/o/r.git - any"},
		{"git@github.com:o/r.git#main", "git@github.com:o/r.git main any tag-first"},
		{"git://github.com/o/r.git#main", "git://github.com/o/r.git main any tag-first"},
		{"ssh://git@host.test/o/r#x", "ssh://git@host.test/o/r x any tag-first"},
		{"https://github.com/o/r", oR + " - any"},
		{"https://github.com/o/r#dev", oR + " dev any tag-first"},
		{"https://github.com/o/r/tree/a/b", oR + " a/b any tag-first"},
		{"https://git.example.test/a/b/r.git#dev", "https://git.example.test/a/b/r.git dev any tag-first"},
		{"https://u:pw@example.test/r.git", "https://u:pw@example.test/r.git - any"},
		{"git@github.com:o/r.git#commit=" + hash, "git@github.com:o/r.git " + hash + " commit"},
		{"https://github.com/o/r.git#head=dev", oR + ".git dev branch"},
		{"https://github.com/o/r.git#workspace=a&tag=v1", oR + ".git v1 tag"},
	}
	for _, tt := range tests {
		got := ""
		if m, ok := npmSpec(tt.spec); ok {
			m.VCS = "git"
			got = m.short()[len("0 "):]
		}
		if got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.spec, got, tt.want)
		}
	}
}

func TestAfterName(t *testing.T) {
	for in, want := range map[string]string{
		"x@^1":                                   "^1",
		"@s/x@^1":                                "^1",
		"x@git+ssh://git@h.test/o/r#x":           "git+ssh://git@h.test/o/r#x",
		"@s/x@github:o/r":                        "github:o/r",
		"git+ssh://git@h.test/o/r":               "git+ssh://git@h.test/o/r",
		"git@h.test:o/r":                         "git@h.test:o/r",
		"x@git@h.test:o/r":                       "git@h.test:o/r",
		"github:o/r":                             "github:o/r",
		"o/r#a@b":                                "o/r#a@b",
		"x":                                      "x",
		"":                                       "",
		"@":                                      "@",
		"x@https://u@h.test/o/r.git#commit=abcd": "https://u@h.test/o/r.git#commit=abcd",
	} {
		if got := afterName(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestNPM(t *testing.T) { runSamples(t, languages(), npmSamples()) }

func npmSamples() []sample {
	return []sample{
		{
			about: "package.json", path: "web/package.json",
			text: `{
  "name": "shop",
  "repository": "github:acme/shop",
  "homepage": "https://github.com/acme/shop",
  "repository2": {"type": "git", "url": "git+https://github.com/acme/shop.git"},
  "scripts": {"x": "acme/run git+https://host.test/no.git", "postinstall": "npm i --prefix tools git+https://host.test/tool.git#dev"},
  "dependencies": {
    "react": "^18.0.0",
    "theme": "acme/theme#main",
    "private": "git+ssh://git@github.com/acme/private.git#v2",
    "tar": "https://github.com/acme/x/archive/main.tar.gz"
  },
  "devDependencies": {"lint": "gitlab:acme/lint"},
  "optionalDependencies": {"o": "git://host.test/o.git#x"},
  "peerDependencies": {"p": "acme/peer#semver:^2"},
  "overrides": {"a": {".": "1", "b": "acme/b#fix"}},
  "resolutions": {"**/c": "acme/c#0123456789abcdef0123456789abcdef01234567"},
  "pnpm": {"overrides": {"d": "github:acme/d#dev"}}
}`,
			want: []string{
				"6 https://host.test/tool.git dev any tag-first",
				"9 https://github.com/acme/theme main any tag-first",
				"10 ssh://git@github.com/acme/private.git v2 any tag-first",
				"11 https://github.com/acme/x main any tag-first",
				"13 https://gitlab.com/acme/lint - any",
				"14 git://host.test/o.git x any tag-first",
				"15 https://github.com/acme/peer ^2 version",
				"16 https://github.com/acme/b fix any tag-first",
				"17 https://github.com/acme/c " + hash + " commit",
				"18 https://github.com/acme/d dev any tag-first",
			},
		},
		{
			about: "a comma too many", path: "package.json",
			text:  "{\n  \"dependencies\": {\n    \"a\": \"acme/a#main\",\n  }\n}\n",
			want:  []string{"3 https://github.com/acme/a main any tag-first"},
			fails: "line 4",
		},
		{
			about: "things of other shapes", path: "package.json",
			text: `{"dependencies": ["acme/a"], "devDependencies": null, "overrides": {"a": [1, {"b": true}]}, "resolutions": "x"}`,
			want: []string{"1 https://github.com/acme/a - any"},
		},
		{
			about: "package-lock.json, version 3", path: "package-lock.json",
			text: `{
  "name": "shop", "lockfileVersion": 3,
  "packages": {
    "": {
      "dependencies": {
        "theme": "github:acme/theme#main",
        "left-pad": "^1.0.0"
      },
      "devDependencies": {"d": "acme/d"}
    },
    "node_modules/theme": {
      "version": "1.0.0",
      "resolved": "git+ssh://git@github.com/acme/theme.git#` + hash + `",
      "dependencies": {"deep": "acme/deep#next"},
      "devDependencies": {"no": "acme/no"},
      "peerDependencies": {"no": "acme/no"}
    },
    "node_modules/left-pad": {"resolved": "https://registry.example.test/left-pad/-/left-pad-1.3.0.tgz"}
  }
}`,
			want: []string{
				"6 https://github.com/acme/theme main any tag-first",
				"9 https://github.com/acme/d - any",
				"13 ssh://git@github.com/acme/theme.git " + hash + " commit",
				"14 https://github.com/acme/deep next any tag-first",
			},
		},
		{
			about: "package-lock.json, version 1", path: "npm-shrinkwrap.json",
			text: `{
  "dependencies": {
    "theme": {
      "version": "git+ssh://git@github.com/acme/theme.git#` + hash + `",
      "from": "theme@git+ssh://git@github.com/acme/theme.git#main",
      "requires": {"deep": "github:acme/deep", "x": "^1"},
      "dependencies": {"deep": {"version": "github:acme/deep#` + hash2 + `", "from": "github:acme/deep"}}
    },
    "x": {"version": "1.0.0", "resolved": "https://registry.example.test/x/-/x-1.0.0.tgz"}
  }
}`,
			want: []string{
				"4 ssh://git@github.com/acme/theme.git " + hash + " commit",
				"5 ssh://git@github.com/acme/theme.git main any tag-first",
				"6 https://github.com/acme/deep - any",
				"7 https://github.com/acme/deep " + hash2 + " commit",
			},
		},
		{
			about: "yarn.lock, the old one", path: "yarn.lock",
			text: `# yarn lockfile v1


"@acme/theme@acme/theme#main", "@acme/theme@github:acme/theme#main":
  version "1.0.0"
  resolved "https://codeload.github.com/acme/theme/tar.gz/` + hash + `"

"p@git+ssh://git@github.com/acme/p.git#dev":
  version "2.0.0"
  resolved "git+ssh://git@github.com/acme/p.git#` + hash + `"
  dependencies:
    q "acme/q"

react@^18.0.0, react@^18.2.0:
  version "18.2.0"
  resolved "https://registry.yarnpkg.com/react/-/react-18.2.0.tgz#555bd98592883255fa00de14f1151a917b5d77d5"
`,
			want: []string{
				"4 https://github.com/acme/theme main any tag-first",
				"8 ssh://git@github.com/acme/p.git dev any tag-first",
				"10 ssh://git@github.com/acme/p.git " + hash + " commit",
			},
		},
		{
			about: "yarn.lock, the new one", path: "yarn.lock",
			text: `__metadata:
  version: 8

"theme@acme/theme#head=main, theme@github:acme/theme":
  version: 1.0.0
  resolution: "theme@https://github.com/acme/theme.git#commit=` + hash + `"
  languageName: node

"react@npm:^18.0.0":
  version: 18.2.0
  resolution: "react@npm:18.2.0"

"shop@workspace:.":
  resolution: "shop@workspace:."
  dependencies:
    theme: "github:acme/theme"
`,
			want: []string{
				"4 https://github.com/acme/theme main branch",
				"4 https://github.com/acme/theme - any",
				"6 https://github.com/acme/theme.git " + hash + " commit",
			},
		},
		{
			about: "pnpm-lock.yaml", path: "pnpm-lock.yaml",
			text: `lockfileVersion: '9.0'

overrides:
  o: acme/o#fix

importers:

  .:
    dependencies:
      theme:
        specifier: github:acme/theme#main
        version: https://codeload.github.com/acme/theme/tar.gz/` + hash + `
      react:
        specifier: ^18.0.0
        version: 18.2.0
  old:
    specifiers:
      lib: acme/lib
    dependencies:
      lib: github.com/acme/lib/` + hash + `

packages:

  p@git+https://git@host.test:acme/p.git#` + hash + `:
    resolution: {commit: ` + hash + `, repo: ssh://git@host.test/acme/p.git, type: git}
    version: 1.0.0
`,
			want: []string{
				"4 https://github.com/acme/o fix any tag-first",
				"11 https://github.com/acme/theme main any tag-first",
				"18 https://github.com/acme/lib - any",
				"25 ssh://git@host.test/acme/p.git " + hash + " commit",
			},
		},
		{
			about: "bun.lock", path: "bun.lock",
			text: `{
  "lockfileVersion": 1,
  "workspaces": {
    "": {
      "name": "shop", // a comment
      "dependencies": {
        "theme": "github:acme/theme#main",
        "s": "a,]",
      },
    },
  },
  "packages": {
    "theme": ["theme@github:acme/theme#0123abc", { "dependencies": { "deep": "acme/deep#x" } }, "acme-theme-0123abc"],
    "react": ["react@18.2.0", "", {}, "sha512-x"],
  },
}
`,
			want: []string{
				"7 https://github.com/acme/theme main any tag-first",
				"13 https://github.com/acme/theme 0123abc commit",
				"13 https://github.com/acme/deep x any tag-first",
			},
		},
	}
}
