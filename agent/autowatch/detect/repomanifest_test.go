package detect

import "testing"

func TestRepoManifests(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "like Android's", path: "default.xml", text: `<?xml version="1.0" encoding="UTF-8"?>
<!-- <project name="old" /> -->
<manifest>
  <remote name="aosp" fetch=".." review="https://android-review.googlesource.com/" />
  <remote name="github" fetch="https://github.com/" revision="refs/heads/live"/>
  <remote fetch="ssh://git@git.example.test:2222/o" name="ours"/>
  <remote fetch="git@example.test:" name="scp"/>
  <default revision="main" remote="aosp" sync-j="4" />
  <superproject name="platform/superproject" remote="aosp" revision="dev"/>
  <project path="build/make" name="platform/build" groups="pdk">
    <copyfile src="core/root.mk" dest="Makefile" />
  </project>
  <project
      name="o/kernel"
      remote="github" />
  <project name="tagged" remote="ours" revision="refs/tags/v1.0"/>
  <project name="pinned" remote="ours" revision="` + hash + `" upstream="main"/>
  <project name="changed" revision="x"/>
  <project name="gone"/>
  <remove-project name="gone"/>
  <project name="gone" remote="scp"/>
  <extend-project name="changed" revision="y"/>
  <project name="lost" remote="nowhere"/>
  <include name="more.xml"/>
</manifest>
`, beside: map[string]string{"more.xml": "<manifest>\n<project name='inner'/>\n<include name='default.xml'/></manifest>"},
			want: []string{
				"2 ../../inner main branch",
				"9 ../../platform/superproject dev any tag-first",
				"10 ../../platform/build main branch",
				"13 https://github.com/o/kernel live branch",
				"16 ssh://git@git.example.test:2222/o/tagged v1.0 tag",
				"17 ssh://git@git.example.test:2222/o/pinned " + hash + " commit",
				"18 ../../changed y branch",
				"21 git@example.test:gone main branch",
			}, fails: "line 23: the remote of the project is not known"},
		{about: "a part", path: "more.xml", text: "<manifest><project name='inner'/></manifest>"},
		{about: "an app", path: "AndroidManifest.xml", text: "<manifest xmlns:android='x'><application/></manifest>"},
		{about: "a bomb", path: "x.xml", text: "<!DOCTYPE x [<!ENTITY a \"b\"><!ENTITY c \"&a;&a;\">]>\n<manifest><remote name='r' fetch='https://h'/>" +
			"<default remote='r'/><project name='&c;'/></manifest>", fails: "read XML"},
	})
}

func TestWest(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "one of several", path: "demo/west-nrf.yml", text: "manifest: {projects: [{name: x, url: 'https://git.example.test/x', revision: main}]}\n",
			want: []string{"1 https://git.example.test/x main any tag-first"}},
		{about: "under another name", path: "ci-manifest.yml", text: "manifest:\n  projects:\n    - {name: a, url: 'https://github.com/o/a', revision: next}\n",
			want: []string{"3 https://github.com/o/a next any tag-first"}},
		{about: "of another program", path: "manifest.yml", text: "projects: [{name: a}]\nmanifest: no\n"},
		{about: "manifest", path: "west.yml", text: `manifest:
  version: "0.13"
  remotes:
    - name: zephyrproject-rtos
      url-base: https://github.com/zephyrproject-rtos
    - name: ours
      url-base: git@git.example.test:fw
  defaults:
    remote: zephyrproject-rtos
  projects:
    - name: zephyr
      revision: v3.6-branch
      import: true
    - name: hal
      remote: ours
      repo-path: hal-nordic
      revision: ` + hash + `
    - name: url
      url: https://git.example.test/u
      revision: develop
    - name: plain
    - name: lost
      remote: nowhere
  self:
    path: app
`, want: []string{
			"11 https://github.com/zephyrproject-rtos/zephyr v3.6-branch any tag-first",
			"14 git@git.example.test:fw/hal-nordic " + hash + " commit tag-first",
			"19 https://git.example.test/u develop any tag-first",
			"21 https://github.com/zephyrproject-rtos/plain master any tag-first",
		}, fails: "line 22: the remote of the project is not known"},
	})
}
