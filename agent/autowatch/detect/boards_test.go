package detect

import "testing"

func TestBoards(t *testing.T) {
	runSamples(t, languages(), boardsSamples())
	runSamples(t, []Detector{espHome()}, []sample{
		{about: "components and packages of devices", path: "devices/lamp.yaml", text: `esphome: {name: lamp}
external_components:
  - source: github://o/components@dev
    components: [a]
  - source:
      type: git
      url: https://git.example.test/o/more
      ref: main
  - source: github://pr#1234
  - source: my_components
packages:
  base: github://o/base/base.yaml
  other:
    url: https://git.example.test/o/other
    files: [x.yaml]
    ref: v1.0
  local: !include common.yaml
`, want: []string{
			"3 https://github.com/o/components dev any",
			"7 https://git.example.test/o/more main any",
			"12 https://github.com/o/base - any",
			"14 https://git.example.test/o/other v1.0 any",
		}},
		{about: "something else", path: "a.yaml", text: "packages:\n  x: {url: \"https://git.example.test/o/x\", version: 1}\n"},
	})
}

func boardsSamples() []sample {
	return []sample{
		{about: "PlatformIO", path: "platformio.ini", text: `[platformio]
default_envs = a

[common]
unused = https://github.com/o/unused#develop
core = https://github.com/o/core.git#feature/stage
more_deps =
  https://github.com/o/more

[env]
platform = ${common.core}
platform_packages = framework-a @ https://github.com/o/framework.git#1.0.6
lib_deps =
  owner/Library @ ^1.2
  # https://github.com/o/no.git
  https://github.com/o/head.git  ; why
  named=https://github.com/o/named#dev
  https://github.com/o/pinned#47db25d
  https://github.com/o/archived/archive/master.zip
  ${common.more_deps}

[env:a]
lib_deps = ${env.lib_deps}, https://github.com/o/last.git
`, want: []string{
			"6 https://github.com/o/core.git feature/stage any",
			"8 https://github.com/o/more - any",
			"12 https://github.com/o/framework.git 1.0.6 any",
			"16 https://github.com/o/head.git - any",
			"17 https://github.com/o/named dev any",
			"18 https://github.com/o/pinned 47db25d commit",
			"19 https://github.com/o/archived master any",
			"23 https://github.com/o/last.git - any",
		}},
		{about: "ESP-IDF", path: "main/idf_component.yml", text: `dependencies:
  idf: ">=5.0"
  a: {git: "https://git.example.test/o/a.git", version: main, path: x}
  b: {git: "https://git.example.test/o/b.git", version: "*"}
  c: {version: "^1.0"}
`, want: []string{"3 https://git.example.test/o/a.git main any tag-first", "4 https://git.example.test/o/b.git - any"}},
	}
}
