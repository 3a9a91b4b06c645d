package detect

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

// places are paths that between them every detector here wants.
func places() []string {
	return []string{
		".gitmodules", "a.tf", "a.tf.json", "terragrunt.hcl", "flake.nix", "flake.lock", "shell.nix", "requirements.yml", "roles/x/meta/main.yml",
		"roles/x/defaults/main.yml", "group_vars/all", "kustomization.yaml", "Chart.yaml", "helmfile.yaml", "app.yaml", "west.yml",
		"default.xml", ".gitlab-ci.yml", ".github/workflows/x.yml", "azure-pipelines.yml", ".buildkite/pipeline.yml",
		"nix/sources.json", "Puppetfile", "vendir.yml", "jsonnetfile.json", "x.repos", "gitman.yml", "mx.ini", "repos.yml",
		"modules/x/manifests/init.pp", "org.example.App.json", "org.example.App.yml",
		"oca_dependencies.txt", "odoo/custom/src/addons.yaml", "kas.yml", "x.bb", "WORKSPACE", "x.wrap", ".pre-commit-config.yaml", "lefthook.yml", "Dockerfile", "zuul.d/x.yaml", "PKGBUILD", "x.spec", "plans/main.fmf", "kolla-build.conf", "docker-compose.yml", "docker-bake.hcl", "docker-bake.json", "buildout.cfg",
		"snap/snapcraft.yaml", "Makefile", "build.sh", "MANIFEST.cfg", ".drone.star", ".buildpacks", "app.json",
		"antora-playbook.yml", "Earthfile", "feeds.conf.default", "_config.yml", "devenv.yaml", "devenv.lock", "Jenkinsfile", "apps.json", "manifest.yml", ".travis.yml", "Vagrantfile",
		"cloudbuild.yaml", "justfile", "Taskfile.yml", "x.pkr.hcl", "packer/x.json", "user-data", "x.sls", "recipes/default.rb", ".fixtures.yml", "Tiltfile",
		".builds/x.yml", "devbox.json",
	}
}

func TestPlacesAreWanted(t *testing.T) {
	for _, d := range deployments() {
		wanted := false
		for _, place := range places() {
			wanted = wanted || d.Wants(place)
		}
		if !wanted {
			t.Errorf("no path of the list is wanted by %s", d.Name)
		}
	}
}

// everyDetector has each detector read text as each kind of file, with text
// beside it whatever it asks for, and calls visit with what comes out.
func everyDetector(text []byte, visit func(d Detector, place string, found []Mention, err error)) {
	asked := 0
	read := func(string) ([]byte, error) {
		if asked++; asked > 100 {
			return nil, fs.ErrNotExist
		}
		return text, nil
	}
	for _, d := range deployments() {
		for _, place := range places() {
			if asked = 0; d.Wants(place) {
				found, err := d.Find(File{Path: place, Text: text, Read: read})
				visit(d, place, found, err)
			}
		}
	}
}

func FuzzDeployments(f *testing.F) {
	for _, seed := range []string{
		"git url: 'https://h/r', branch: env.X\nX = params.X ?: 'main'\ncheckout([branches: [[name: '*/x']], userRemoteConfigs: [[url: \"${U}\"]]])\n",
		"inputs:\n  a:\n    url: github:o/r\n", "terraform {\n  before_hook \"x\" {\n    execute = [\"git\", \"clone\", \"https://h/r\"]\n  }\n}\n",
		"[submodule \"x\"]\nurl=../x\nbranch=.\n", "module \"x\" {\n source = \"git::https://h/x//y?ref=z\"\n}\n",
		"{ inputs = { a.url = \"github:o/r\"; }; }", `{"nodes":{"x":{"original":{"type":"git","url":"https://h/r"}}}}`,
		"roles:\n- src: git+https://h/r,v\ncollections:\n- name: git@h:r\n  type: git\n",
		"- git: repo={{ x }} dest=y version=z\n  vars: {x: 'https://h/{{ x }}{{ x }}'}\n", "x_repo: https://h/r.git\nx_version: y\n",
		"resources:\n- github.com/o/r//x?ref=y\n", "dependencies:\n- repository: git+https://h/o/r@x?ref=y\n",
		"apiVersion: argoproj.io/v1\nkind: Application\nspec: {source: {repoURL: x, targetRevision: y}}\n",
		"manifest:\n  remotes: [{name: a, url-base: https://h}]\n  projects: [{name: b, remote: a}]\n",
		"<manifest><remote name='r' fetch='..'/><project name='x' remote='r'/><include name='y'/></manifest>",
		"include:\n- project: a/b\n  ref: c\n- component: a/b/c@1\n", "jobs: {x: {steps: [{uses: o/r@x}]}}\n",
		"repos:\n- repo: https://h/r\n  rev: x\n", "FROM x\nARG A=$A\nRUN git clone -b $A https://h/r \\\n && cd r <<E\nE\n",
		"remotes: [{git_url: 'git@h:o/r', ref: x}]\nremote: {git_url: https://h/r}\n",
		"jobs: {x: {steps: [{id: a, run: 'echo \"A=x\" >> $GITHUB_ENV; echo B=y >>$GITHUB_OUTPUT; test \"$(git clone -b $A https://h/r $(x y))\"'}]}}\n",
		"- include_vars: x.yml\n- import_tasks: main.yml\n- git: {repo: '{{ a }}', dest: x}\n",
		"services: {x: {build: 'git@h:r#x'}}\n", "[buildout]\nextends = x.cfg\n[odoo]\nversion = git u d r\nrevisions = ${odoo:version}\n",
		"source=('x::git+https://h/r#branch=y')\n", "- job: {required-projects: [{name: h.x/o/r, override-checkout: y}]}\n",
		"kind: BuildConfig\nspec: {source: {git: {uri: x, ref: y}}}\n", "jobs: {x: {steps: [{run: 'git clone -b x https://h/r; pip install git+https://h/r'}]}}\n",
		"resources: [{type: git, source: {uri: https://h/r, branch: x}}]\njobs: []\n", "[x]\nwatch = git https://h/r x\n",
		"- get_url: {url: 'https://raw.githubusercontent.com/o/r/x/y'}\n- shell: 'git clone -b {{ \"a\" if b == \"c\" else d }} https://h/r'\n",
		"kind: FluxInstance\nspec: {sync: {url: https://h/r, ref: x}}\n", "locals {\n a = \"https://raw.githubusercontent.com/o/r/x/y\"\n}\n",
		"x = [\"git clone https://h/r && ./x.sh\"] + [\"\"\"a\"\"\" % b]\n", "env: {A: x}\nscript:\n- bundle add a --github o/r --branch $A\n- . ./a.sh; sh ${{ x }}/b.sh\n",
		"FROM x\nCOPY a.sh /\nRUN /a.sh && wget https://raw.githubusercontent.com/o/r/x/y\n",
		"apiVersion: x\nspec: {containers: [{image: x, args: [-c, git clone https://h/r]}], resolver: git, params: [{name: url, value: https://h/r}]}\n",
		"all: x ; git clone $(A) $@\nA ?= https://h/o/r\nx:\n\tmake -C . x; f() { git clone -b $1 https://h/r; }; for a in b c; do f $$a; done\n",
		"script:\n- f() { git clone -b ${1:-x} https://h/r; }\n- f a; for b in c d; do f $b; make -C $b e; done; . ./a.sh $@\n",
		"class x (String $u = 'https://h/r') { vcsrepo { \"/${t}\": provider => git, source => $u, revision => \"${v}\" } }",
		`{"id": "a", "runtime": "b", "modules": ["x", {"sources": [{"type": "git", "url": "https://h/r", "branch": "x"}], "modules": [{}]}]}`,
		"a: &a [*a]\nb: &b {<<: *b}\n", "\xff\xfe", "{{ if }}\na: {{ b }}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		everyDetector(text, func(d Detector, place string, found []Mention, err error) {
			for _, m := range found {
				if m.Line < 1 || m.URL == "" || m.File == "" || m.VCS != "git" && m.VCS != "hg" || len(found) > maxMentions {
					t.Errorf("%s made of %s: %+v", d.Name, place, m)
				}
			}
		})
	})
}

// TestHostileFiles holds what somebody would write who wants the agent to
// compute for ever: each is read in a time that grows with its size only.
func TestHostileFiles(t *testing.T) {
	hostile(t)
	const size = 32 << 10
	many := func(s string) string { return strings.Repeat(s, size/len(s)) }
	numbered := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, format, i, i)
		}
		return b.String()
	}
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 {git: x, repo: y, dest: z}\n")
	for i := 1; i < 60; i++ {
		fmt.Fprintf(&bomb, "a%d: &a%d [*a%d, *a%d, *a%d]\n", i, i, i-1, i-1, i-1)
	}
	texts := map[string]string{
		"brackets": many("["), "braces": many("{"), "open": many("{ x = ["), "quotes": many(`"`), "two quotes": many("''"), "dashes": many("- "),
		"comments": many("/*"), "heredocs": many("<<A\n"), "heredoc words": many("RUN <<A\nx\n"), "interpolation": many(`"${`), "aliases": bomb.String(),
		"tasks":   "v: &v {dest: x}\nt:\n" + numbered("- git: {repo: 'https://h/%d.git', dest: x, version: v%d}\n  with_items: '{{ v }}'\n"),
		"loops":   "l: [" + strings.Repeat("1,", 5000) + "]\nt:\n" + numbered("- {git: {repo: 'https://h/{{item}}/%d', dest: x%d}, loop: '{{ l }}'}\n"),
		"pairs":   numbered("x%d_repo: 'https://h/{{ y }}.git'\ny%d_version: z\n"),
		"lonely":  numbered("x%d_repo: https://github.com/o/r\nx_%d_x: y\n"),
		"doubled": "x_version: y\n" + numbered("x_repo: 'https://h.git/{{ x%d }}{{ x_repo }}{{ x_repo }}{{ x%d }}'\n"),
		"sources": "[sources]\n" + numbered("x%d = git ${sources:x%d}${sources:x1}\n"),
		"merges":  "[odoo]\naddons =\n" + numbered("  git https://h/%d d%d x\n") + "merges =\n" + numbered("  git origin d%d x%d\n"),
		"removed": "<manifest><remote name='r' fetch='h'/><default remote='r'/>\n" + numbered("<project name='p%d'/><remove-project name='p%d'/>\n"),
		"entity":  "<!DOCTYPE x [<!ENTITY a \"" + strings.Repeat("x", 1000) + "\">]><manifest><project name='" + strings.Repeat("&a;", 1000) + "'/></manifest>",
		"include": "<manifest>" + many("<include name='x'/><project name='y'/>"), "continued": many("RUN git clone https://h/r \\\n"),
		"arguments": "ARG A=" + strings.Repeat("$A", 1000) + "\n" + many("ARG A=$A$A$A$A\nRUN git clone -b $A https://h/$A\n"),
		"clones":    "RUN " + many("git clone https://h/r; git checkout x; "), "depends": "dependencies:\n" + numbered("- role: a%d\n- b%d\n"),
		"options": "[buildout]\nextends = " + strings.Repeat("a.cfg ", 1000) + "\n" + numbered("x%d = ${:x%d}${:x}\n"), "templates": many("{{ x }}\n"),
		"templated": many("a: {{ b }} {% c %}\n"), "words": many("a "), "colons": many("a: "), "question": many("? "), "tags": many("!a "), "lines": many("\n"),
		"jobs":   "env: {A: '${{ env.A }}'}\njobs:\n" + numbered("  j%d: {strategy: {matrix: {a: [1,2], b: [1,2], c: [1,2]}}, x: '${{ matrix.a%d }}'}\n"),
		"matrix": "jobs:\n  j:\n    strategy:\n      matrix:\n" + numbered("        x%d: [{a: 1, b: %d}, 2, 3]\n"),
		"included": "jobs:\n  j:\n    steps: [{uses: './.github/workflows/x.yml', with: {a: b}}]\n    strategy:\n      matrix:\n        y: [1, 2, 3]\n        include:\n" +
			numbered("        - {x%d: 1, z%d: 2}\n"),
		"calls": "jobs:\n" + numbered("  j%d: {uses: './.github/workflows/x.yml', with: {a: b%d}}\n"),
		"pushes": "jobs:\n  j:\n    steps:\n" + numbered("    - {uses: 'actions/checkout@x', with: {repository: o/r%d, path: p%d}}\n") +
			numbered("    - {uses: o/push@x, with: {path: a%d, repository: o/x%d}}\n") + numbered("    - run: cd a%d && git push && git -C b%d push\n"),
		"pushing calls": "jobs:\n" + numbered("  j%d: {uses: './.github/workflows/x.yml', with: {a: b%d}, steps: [{run: git push}]}\n"),
		"env":           "env:\n  A0: a\n" + numbered("  A%d: '${{ env.A0 }}${{ env.A%d }}'\n") + "jobs:\n  j: {}\n",
		"defaults": "variable \"x\" {\n default = \"" + strings.Repeat("x", size/2) + "\"\n}\nresource \"a\" \"b\" {\n provisioner \"local-exec\" {\n  command = \"git clone https://h/" +
			many("${var.x}") + "\"\n }\n}\n",
		"commands":  numbered("resource \"a\" \"b%d\" {\n provisioner \"local-exec\" {\n  command = \"git clone https://h/${var.x%d}\"\n }\n}\n"),
		"scripts":   "script:\n" + numbered("- ./a%d.sh b/c%d.sh; git clone https://h/r\n"),
		"copies":    "FROM x\nCOPY a b /c/\n" + numbered("RUN /c/a%d.sh && sh b%d.sh\n"),
		"choices":   "a: b\nx_repo: https://h/r.git\nx_version: \"{{ " + strings.Repeat("'a' if a == 'b' else ", 1400) + "'c' }}\"\n",
		"documents": many("---\n"), "merge keys": many("<<: *a\n"), "comments of YAML": many("#\n- #\n"), "anchors": many("&a "),
		"assignments": many("a= "), "steps": many("git a:b,"), "lists of lists": many("a=[\"x\",["),
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			read := func(string) ([]byte, error) { return []byte(text), nil }
			for _, d := range deployments() {
				for _, place := range places() {
					if !d.Wants(place) || place != firstPlace(d) {
						continue
					}
					bounded(t, func() { _, _ = d.Find(File{Path: place, Text: []byte(text), Read: read}) }, "%s for %d KiB of %s", d.Name, len(text)>>10, place)
				}
			}
		})
	}
}

func TestMentionsAreBounded(t *testing.T) {
	text := strings.Repeat("x ", maxMentions+1)
	found, err := odooDependencies().Find(File{Path: "oca_dependencies.txt", Text: []byte(strings.ReplaceAll(text, " ", "\n"))})
	if len(found) != 1 || err != nil {
		t.Errorf("the same over and over: %d, %v", len(found), err)
	}
	var many strings.Builder
	for i := range maxMentions + 1 {
		fmt.Fprintf(&many, "x%d\n", i)
	}
	found, err = odooDependencies().Find(File{Path: "oca_dependencies.txt", Text: []byte(many.String())})
	if len(found) != maxMentions || err == nil {
		t.Errorf("got %d mentions, %v", len(found), err)
	}
}

func firstPlace(d Detector) string {
	for _, place := range places() {
		if d.Wants(place) {
			return place
		}
	}
	return ""
}
