package detect

import "testing"

func TestPackageBuilds(t *testing.T) {
	runSamples(t, []Detector{pkgbuilds()}, []sample{
		{about: "sources", path: "arch/PKGBUILD", text: `pkgname=shop-git
_name=shop
pkgver=1.2
url="https://git.example.test/o/no"
source=("$_name::git+https://git.example.test/o/$_name")
sha256sums=('SKIP')
source_x86_64=(
  'https://git.example.test/o/a.tar.gz'
  # 'git+https://git.example.test/o/old'
  "git+https://git.example.test/o/a.git#branch=live"
  "b::git+https://git.example.test/o/b.git#tag=v${pkgver}?signed"
  git+ssh://git@git.example.test/o/c#commit=` + hash + `
  'hg+https://hg.example.test/d'
  git://git.example.test/e.git
)
source+=("git+$_unknown/f")
prepare() {
  git clone git+https://git.example.test/o/no
}
`, want: []string{
			"5 https://git.example.test/o/shop - any",
			"10 https://git.example.test/o/a.git live branch",
			"11 https://git.example.test/o/b.git v1.2 tag",
			"12 ssh://git@git.example.test/o/c " + hash + " commit",
			"13 https://hg.example.test/d - any hg",
			"14 git://git.example.test/e.git - any",
		}, fails: "line 16: the address is computed"},
		{about: "never closed", path: "PKGBUILD", text: "source=('git+https://git.example.test/a'\n", want: []string{"1 https://git.example.test/a - any"}},
	})
}
