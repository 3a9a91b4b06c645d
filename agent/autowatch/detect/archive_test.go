package detect

import "testing"

func TestArchiveFile(t *testing.T) {
	const oR = "https://github.com/o/r "
	tests := map[string]string{
		"https://github.com/o/r/archive/refs/heads/feature/x.tar.gz":    oR + "refs/heads/feature/x",
		"https://github.com/o/r/archive/refs/tags/v1.0.zip":             oR + "refs/tags/v1.0",
		"http://www.github.com/o/r/archive/stable/1.x.tar.gz?raw=true":  oR + "stable/1.x",
		"https://github.com/o/r/archive/v1.2/R-1.2.tar.gz":              oR + "v1.2",
		"https://github.com/o/r/archive/refs/heads/feature/r-x.zip":     oR + "refs/heads/feature/r-x",
		"https://github.com/o/r/tarball/main":                           oR + "main",
		"https://github.com/o/r/zipball/main/":                          oR + "main",
		"https://codeload.github.com/o/r/legacy.zip/refs/heads/main":    oR + "refs/heads/main",
		"https://codeload.github.com/o/r/tar.gz/" + hash:                oR + hash,
		"https://codeberg.org/o/r/archive/main.tar.gz":                  "https://codeberg.org/o/r main",
		"https://bitbucket.org/o/r/get/default.tar.gz":                  "https://bitbucket.org/o/r default",
		"https://git.example.test/a/b/r/-/archive/dev/x/r-dev-x.tar.gz": "https://git.example.test/a/b/r dev/x",
		"https://github.com/o/r/archive/main.zip#md5=00":                "",
		"https://github.com/o/r/releases/download/v1.0/r-1.0.tar.gz":    "",
		"https://github.com/o/r":                                        "",
		"https://example.test/github.com/o/r/archive/main.zip":          "",
		"https://git.example.test/a/-/archive/" + hash + "/r-" + hash:   "",
	}
	for address, want := range tests {
		got := ""
		if m, ok := archiveFile(address); ok {
			got = m.URL + " " + m.Name
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}
