package detect

import "testing"

func TestYocto(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "live", path: "recipes/app_git.bb", text: `SUMMARY = "x"
HOST ?= "git.example.test"
# SRC_URI = "git://no.test/x;branch=main"
SRC_URI = "git://${HOST}/app.git;protocol=https;branch=develop \
           file://fix.patch \
           git://git@github.com/o/two.git;protocol=ssh;branch=main;name=two;destsuffix=two \
           https://example.test/x.tar.gz"
SRCREV = "${AUTOREV}"
SRCREV_two = "` + hash + `"
`, want: []string{"4 https://git.example.test/app.git develop branch", "6 ssh://git@github.com/o/two.git " + hash + " commit tag-first"}},
		{about: "appended", path: "x.bbappend", text: "SRC_URI:append = \" gitsm://git.example.test/x\"\nSRCREV:class-target = \"${AUTOREV}\"\n",
			want: []string{"1 git://git.example.test/x master branch"}},
		{about: "pinned elsewhere", path: "x.inc", text: "SRC_URI = \"git://git.example.test/x;branch=main\"\n"},
		{about: "kas", path: "kas/project.yml", text: `header: {version: 14}
defaults: {repos: {branch: kirkstone}}
repos:
  self:
  poky:
    url: https://git.yoctoproject.org/poky
    layers: {meta: }
  oe:
    url: https://git.openembedded.org/meta-oe
    branch: master
    commit: ` + hash + `
  old: {url: "https://git.example.test/old", refspec: dunfell}
  local: {path: x}
`, want: []string{
			"6 https://git.yoctoproject.org/poky kirkstone branch",
			"9 https://git.openembedded.org/meta-oe " + hash + " commit",
			"12 https://git.example.test/old dunfell any tag-first",
		}},
	})
}

func TestWorkspaces(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "vcstool", path: "ros2.repos", text: `repositories:
  ament/ament_cmake:
    type: git
    url: https://github.com/ament/ament_cmake.git
    version: rolling
  x: {type: svn, url: "https://svn.example.test/x"}
  y: {type: hg, url: "https://hg.example.test/y", version: default}
`, want: []string{"4 https://github.com/ament/ament_cmake.git rolling any", "7 https://hg.example.test/y default any hg"}},
		{about: "rosinstall", path: ".rosinstall", text: "- git: {local-name: a, uri: 'https://github.com/o/a.git', version: melodic}\n- tar: {uri: x}\n",
			want: []string{"1 https://github.com/o/a.git melodic any"}},
		{about: "Bazel", path: "MODULE.bazel", text: `bazel_dep(name = "rules_x", version = "1.0")
git_override(
    module_name = "rules_x",
    remote = "https://github.com/o/rules_x.git",  # a fork
    branch = "main",
    patches = ["//:a.patch"],
)
git_override(module_name = "y", remote = "https://github.com/o/y.git", commit = "` + hash + `")
# git_override(module_name = "z", remote = "https://github.com/o/z.git", branch = "main")
git_override(module_name = "w", remote = "https://github.com/o/w.git", commit = COMMIT)
new_git_repository(name = "v", remote = "https://github.com/o/v", tag = "v1", build_file_content = """
git_override(remote = "https://github.com/o/no", branch = "main")
""")
`, want: []string{
			"4 https://github.com/o/rules_x.git main branch",
			"8 https://github.com/o/y.git " + hash + " commit",
			"11 https://github.com/o/v v1 tag",
		}},
		{about: "archives of Bazel", path: "MODULE.bazel", text: `archive_override(
    module_name = "x",
    strip_prefix = "x-main",
    urls = [
        "https://github.com/o/x/archive/refs/heads/main.tar.gz",
        "https://mirror.example.test/x.tar.gz",
    ],
)
http_archive(name = "y", url = "https://github.com/o/y/archive/dev.zip")
http_archive(name = "z", url = "https://github.com/o/no/archive/main.zip", sha256 = "1")
archive_override(module_name = "w", urls = ["https://github.com/o/no/archive/main.zip"], integrity = "sha256-1")
http_archive(name = "v", url = "https://example.test/v.zip")
http_archive(name = "u", urls = URLS)
`, want: []string{
			"5 https://github.com/o/x main branch",
			"9 https://github.com/o/y dev any",
		}},
		{about: "Meson", path: "subprojects/x.wrap", text: "[wrap-git]\nurl = https://github.com/o/x.git\nrevision = head\ndepth = 1\n\n[provide]\nx = y\n",
			want: []string{"2 https://github.com/o/x.git - any"}},
		{about: "Meson archive", path: "y.wrap", text: "[wrap-file]\nsource_url = https://example.test/y.tar.gz\n"},
		{about: "gitman", path: "gitman.yml", text: "location: vendor\nsources:\n- repo: https://github.com/o/x\n  name: x\n  rev: main\n",
			want: []string{"3 https://github.com/o/x main any"}},
		{about: "vendir", path: "vendir.yml", text: `directories:
- path: vendor
  contents:
  - path: a
    git: {url: "https://github.com/o/a", ref: origin/main}
  - path: b
    git:
      url: git@github.com:o/b.git
      ref: v1.0
  - path: c
    helmChart: {name: c}
`, want: []string{"5 https://github.com/o/a main branch", "8 git@github.com:o/b.git v1.0 any"}},
		{about: "jsonnet-bundler", path: "jsonnetfile.json", text: `{"version": 1, "dependencies": [
  {"source": {"git": {"remote": "https://github.com/grafana/jsonnet-libs.git", "subdir": "x"}}, "version": "master"},
  {"source": {"local": {"directory": "x"}}, "version": ""}
]}`, want: []string{"2 https://github.com/grafana/jsonnet-libs.git master any"}},
		{about: "npins", path: "npins/sources.json", text: `{"pins": {
  "nixpkgs": {"type": "Channel", "name": "nixos-unstable", "url": "https://releases.nixos.org/x"},
  "x": {"type": "Git", "repository": {"type": "GitHub", "owner": "o", "repo": "x"}, "branch": "main", "revision": "` + hash + `"},
  "y": {"type": "Git", "repository": {"type": "Git", "url": "https://git.example.test/y"}, "branch": "dev"}
}, "version": 3}`, want: []string{"3 https://github.com/o/x main any", "4 https://git.example.test/y dev any"}},
		{about: "niv", path: "nix/sources.json", text: `{
  "nixpkgs": {
    "branch": "nixos-unstable", "owner": "NixOS", "repo": "nixpkgs", "rev": "` + hash + `", "url": "https://github.com/x.tar.gz"
  },
  "other": {"branch": "main", "repo": "https://git.example.test/x", "rev": "` + hash + `", "type": "git"},
  "file": {"url": "https://example.test/x"}
}`, want: []string{"3 https://github.com/NixOS/nixpkgs nixos-unstable any", "5 https://git.example.test/x main any"}},
	})
}

func TestPuppetfiles(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "Puppetfile", path: "Puppetfile", text: `forge 'https://forge.puppet.com'
mod 'puppetlabs/stdlib', '4.25.0'
mod 'apache',
  :git    => 'https://github.com/puppetlabs/puppetlabs-apache',
  :branch => 'main'
mod 'b', git: 'git@git.example.test:p/b.git', ref: 'v1.2'
# mod 'c', git: 'https://git.example.test/c'
mod 'd', git: 'https://git.example.test/d', commit: '` + hash + `'
mod 'e', git: 'https://git.example.test/e'
mod 'f', git: 'https://git.example.test/f', branch: :control_branch, default_branch: 'main'
`, want: []string{
			"4 https://github.com/puppetlabs/puppetlabs-apache main branch",
			"6 git@git.example.test:p/b.git v1.2 any tag-first",
			"8 https://git.example.test/d " + hash + " commit",
			"9 https://git.example.test/e - any",
		}, fails: "line 10: the name of the branch is computed"},
		{about: "Berksfile", path: "Berksfile", text: "source 'https://supermarket.chef.io'\nmetadata\ncookbook 'a', '~> 1.0'\ncookbook \"b\", github: \"o/b\", branch: \"dev\"\n",
			want: []string{"4 https://github.com/o/b dev branch"}},
	})
}

func TestOdooFiles(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "git-aggregator", path: "repos.yaml", text: `./web:
    defaults: {depth: 1}
    remotes:
        oca: https://github.com/OCA/web.git
        acme: git@github.com:acme/web.git
    target: acme 16.0-merged
    merges:
        - oca 16.0
        - acme refs/pull/12/head
        - {remote: oca, ref: 16.0-mig}
`, want: []string{
			"8 https://github.com/OCA/web.git 16.0 any tag-first",
			"9 git@github.com:acme/web.git refs/pull/12/head any tag-first",
			"10 https://github.com/OCA/web.git 16.0-mig any tag-first",
		}},
		{about: "OCA", path: "oca_dependencies.txt", text: "# comment\nweb\nserver-tools https://github.com/acme/server-tools\nx https://github.com/acme/x 14.0\n",
			want: []string{"2 https://github.com/OCA/web . branch", "3 https://github.com/acme/server-tools . branch", "4 https://github.com/acme/x 14.0 any"}},
		{about: "mxdev", path: "mx.ini", text: "[settings]\nplone = https://github.com/plone\n[plone.api]\nurl = ${settings:plone}/plone.api.git\nbranch = master\n[x]\nurl = https://git.example.test/x\n",
			want: []string{"4 https://github.com/plone/plone.api.git master branch", "7 https://git.example.test/x main branch"}},
	})
}

func TestOdooSeries(t *testing.T) {
	for series, beside := range map[string]map[string]string{
		"14.0": {".copier-answers.yml": "_commit: v1\nodoo_version: 14.0\n", ".travis.yml": "VERSION=\"12.0\"\n"},
		"12.0": {".travis.yml": "env:\n  - VERSION=\"12.0\" TESTS=\"0\"\n"},
		"":     nil,
	} {
		found, err := odooDependencies().Find(File{Path: "oca_dependencies.txt", Text: []byte("web\nx https://git.example.test/x dev\n"), Read: besideIn(beside)})
		if err != nil || len(found) != 2 || found[0].Instead != series || found[0].Name != "." || found[1].Instead != "" {
			t.Errorf("%q: got %+v, %v", series, found, err)
		}
	}
}
