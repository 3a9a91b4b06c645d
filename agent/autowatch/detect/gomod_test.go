package detect

import "testing"

func TestGoModules(t *testing.T) { runSamples(t, languages(), goModulesSamples()) }

func goModulesSamples() []sample {
	return []sample{
		{
			about: "requires and replacements", path: "svc/go.mod",
			text: `module example.test/svc

go 1.22
toolchain go1.22.3

require (
	github.com/spf13/cobra v1.8.0
	github.com/acme/tools/sub/v2 v2.0.0-20240102030405-abcdef012345 // for the fix
	golang.org/x/exp v0.0.0-20240613232115-7f521ea00fb8
	golang.org/x/net v0.26.1-0.20240613232115-7f521ea00fb9
	k8s.io/utils v0.0.0-20230726121419-3b25d923346b // indirect
	github.com/docker/docker v26.1.5+incompatible
	k8s.io/api v0.0.0-00010101000000-000000000000
	github.com/old/away v0.0.0-20240102030405-aaaaaaaaaaaa
)
require gopkg.in/yaml.v3 v3.0.2-0.20240102030405-bbbbbbbbbbbb

replace (
	github.com/old/away => ../away
	// github.com/old/gone => github.com/me/gone main
	github.com/some/lib v1.2.3 => github.com/fork/lib/v3 feature/new
	k8s.io/api => k8s.io/api v0.30.1
)
require k8s.io/code v0.0.0-00010101000000-000000000000
replace github.com/a/b => gitlab.com/c/d v0.0.0-20240102030405-cccccccccccc
exclude github.com/x/y v0.0.0-20240102030405-dddddddddddd
`,
			want: []string{
				"8 https://github.com/acme/tools abcdef012345 tip",
				"9 https://go.googlesource.com/exp 7f521ea00fb8 tip",
				"10 https://go.googlesource.com/net 7f521ea00fb9 tip",
				"16 https://github.com/go-yaml/yaml bbbbbbbbbbbb tip",
				"21 https://github.com/fork/lib feature/new any tag-first",
				"25 https://gitlab.com/c/d cccccccccccc tip",
			},
		},
		{
			about: "CRLF and a byte order mark", path: "go.mod",
			text: "\xef\xbb\xbfmodule x\r\nrequire github.com/a/b v1.0.0\r\nreplace github.com/a/b => github.com/c/b master\r\n",
			want: []string{"3 https://github.com/c/b master any tag-first"},
		},
		{
			about: "a commit instead of a version", path: "go.mod",
			text: "module x\nreplace github.com/a/b => github.com/c/b " + hash + "\nreplace github.com/a/d => github.com/c/d 0123456\n",
			want: []string{
				"2 https://github.com/c/b " + hash + " commit",
				"3 https://github.com/c/d 0123456 commit",
			},
		},
		{
			about: "a workspace", path: "go.work",
			text: "go 1.22\nuse ./a\nreplace github.com/a/b => codeberg.org/c/d dev\n",
			want: []string{"3 https://codeberg.org/c/d dev any tag-first"},
		},
		{
			about: "a name that leads nowhere", path: "go.mod",
			text:  "module x\nrequire unknown.example/y v0.0.0-20240102030405-dddddddddddd\n",
			fails: "line 2",
		},
		{
			about: "half a file", path: "go.mod",
			text: "module x\nreplace github.com/a/b => github.com/c/d dev\nrequire (\n\tgithub.com/a/b \"v1\n",
			want: []string{"2 https://github.com/c/d dev any tag-first"}, fails: "line 4",
		},
	}
}

func TestModuleURL(t *testing.T) {
	for path, want := range map[string]string{
		"github.com/o/r":                        "https://github.com/o/r",
		"github.com/o/r/v2":                     "https://github.com/o/r",
		"github.com/o/r/sub/dir/v3":             "https://github.com/o/r",
		"gitlab.com/o/r/sub":                    "https://gitlab.com/o/r",
		"bitbucket.org/o/r":                     "https://bitbucket.org/o/r",
		"git.sr.ht/~u/r":                        "https://git.sr.ht/~u/r",
		"git.example.test/team/sub/r.git/pkg":   "https://git.example.test/team/sub/r.git",
		"gopkg.in/check.v1":                     "https://github.com/go-check/check",
		"gopkg.in/src-d/go-git.v4":              "https://github.com/src-d/go-git",
		"gopkg.in/nothing":                      "",
		"golang.org/x/tools/gopls":              "https://go.googlesource.com/tools",
		"k8s.io/kubernetes":                     "https://github.com/kubernetes/kubernetes",
		"sigs.k8s.io/yaml":                      "https://github.com/kubernetes-sigs/yaml",
		"cloud.google.com/go/storage":           "https://github.com/googleapis/google-cloud-go",
		"tailscale.com":                         "https://github.com/tailscale/tailscale",
		"go.example.test/a/b":                   "",
		"example.test/v2":                       "",
		"nodots/a/b":                            "",
		"git.example.test/o/r":                  "https://git.example.test/o/r",
		"google.golang.org/genproto/googleapis": "https://github.com/googleapis/go-genproto",
	} {
		if got := moduleURL(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}
