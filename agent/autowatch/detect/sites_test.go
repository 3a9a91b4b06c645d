package detect

import "testing"

func TestSites(t *testing.T) {
	runSamples(t, []Detector{antora(), jekyllThemes()}, []sample{
		{about: "Antora's playbook by its other name", path: "site.yml", text: "content:\n  sources:\n  - url: https://github.com/o/docs.git\n    branches:\n    - '10.16'\n",
			want: []string{"3 https://github.com/o/docs.git 10.16 branch"}},
		{about: "Antora", path: "antora-playbook.yml", text: `site: {title: A}
content:
  branches: main
  sources:
  - url: .
    branches: HEAD
  - url: https://git.example.test/o/default
  - url: https://git.example.test/o/list.git
    branches: [release/2.0, 'release/1.*', '!release/0', v1..9, dev]
  - url: https://git.example.test/o/tags
    tags: v*
  - url: https://git.example.test/o/one
    branches: 3.1
  - url: https://git.example.test/o/line
    branches: main, v2.x
`, want: []string{
			"7 https://git.example.test/o/default main branch",
			"8 https://git.example.test/o/list.git release/2.0 branch",
			"8 https://git.example.test/o/list.git dev branch",
			"12 https://git.example.test/o/one 3.1 branch",
			"14 https://git.example.test/o/line main branch",
			"14 https://git.example.test/o/line v2.x branch",
		}},
		{about: "a playbook of Ansible", path: "playbook.yml", text: "- hosts: all\n  vars:\n    sources:\n    - url: https://git.example.test/o/x\n"},
		{about: "a theme", path: "docs/_config.yml", text: "title: A\nremote_theme: o/theme@main # why\n", want: []string{"2 https://github.com/o/theme main any"}},
		{about: "a theme without a name", path: "_config.yml", text: "remote_theme: \"o/theme\"\n", want: []string{"1 https://github.com/o/theme - any"}},
		{about: "no theme", path: "_config.yml", text: "theme: minima\n"},
	})
}

func TestGitSync(t *testing.T) {
	runSamples(t, []Detector{gitSync()}, []sample{
		{about: "arguments", path: "release.yaml", text: `spec:
  containers:
  - args: [--repo=https://git.example.test/o/a, --branch=main, --depth=1]
  - args:
    - --repo
    - https://git.example.test/o/b.git
    - --ref
    - dev
  - args: [--repo=https://git.example.test/o/c]
  - args: [deploy, --repo=here]
`, want: []string{
			"3 https://git.example.test/o/a main branch",
			"5 https://git.example.test/o/b.git dev any",
			"9 https://git.example.test/o/c - any",
		}},
	})
}

func TestOpenWrtAndEarthly(t *testing.T) {
	runSamples(t, []Detector{openwrtFeeds(), earthfiles()}, []sample{
		{about: "feeds", path: "feeds.conf.default", text: `src-git packages https://git.example.test/feed/packages.git
src-git luci https://git.example.test/luci.git;openwrt-24.10
src-git-full pinned https://git.example.test/pinned.git^` + hash + `
#src-git no https://git.example.test/no.git
src-link custom /usr/src/custom
`, want: []string{
			"1 https://git.example.test/feed/packages.git - any",
			"2 https://git.example.test/luci.git openwrt-24.10 branch",
			"3 https://git.example.test/pinned.git " + hash + " commit",
		}},
		{about: "Earthly", path: "Earthfile", text: `VERSION 0.8
IMPORT github.com/o/lib/sub:main AS lib
FROM alpine
build:
  GIT CLONE --branch dev https://git.example.test/o/a.git a
  GIT CLONE https://git.example.test/o/b.git b
  FROM github.com/o/base+image
  BUILD ./x+y
  COPY github.com/o/c:v1+out/* ./
get:
  ARG REF=dev
  RUN --no-cache git clone -b $REF https://github.com/o/d && \
    pip install git+https://github.com/o/e
  RUN curl -fsSLO https://raw.githubusercontent.com/o/f/main/list.txt
`, want: []string{
			"2 https://github.com/o/lib main any",
			"5 https://git.example.test/o/a.git dev any",
			"6 https://git.example.test/o/b.git - any",
			"7 https://github.com/o/base - any",
			"9 https://github.com/o/c v1 any",
			"12 https://github.com/o/d dev any",
			"13 https://github.com/o/e - any",
			"14 https://github.com/o/f main any",
		}},
	})
}
