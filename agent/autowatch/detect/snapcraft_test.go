package detect

import "testing"

func TestSnapcraft(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "parts", path: "snap/snapcraft.yaml", text: `name: shop
parts:
  shop: {source: ., source-type: git, plugin: make}
  solver:
    source: https://git.example.test/o/solver.git
    source-tag: solver-1.2
  live:
    plugin: nil
    source: https://git.example.test/o/live
    source-type: git
    source-branch: dev
  head: {source: "git@github.com:o/head.git"}
  pinned: {source: https://github.com/o/pinned, source-commit: ` + hash + `}
  archive: {source: https://github.com/o/r/archive/main.tar.gz}
  tar: {source: https://github.com/o/tar, source-type: tar}
  packages: {stage-packages: [libc6]}
`, want: []string{
			"5 https://git.example.test/o/solver.git solver-1.2 tag",
			"9 https://git.example.test/o/live dev branch",
			"12 git@github.com:o/head.git - any",
			"13 https://github.com/o/pinned " + hash + " commit",
		}},
	})
}
