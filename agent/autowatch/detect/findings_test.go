package detect

import "testing"

// What says that it is to be replaced is no dependency.
func TestPlaceholders(t *testing.T) {
	for url, want := range map[string]bool{
		"git@github.com:example/example.com.git": true, "https://github.com/your-org/shop": true, "https://gitlab.com/YOUR_USERNAME/x": true,
		"https://github.com/examples/x": false, "https://git.example.test/example/x": false, "https://github.com/o/example": false,
	} {
		f := newFindings(File{Path: "x"})
		f.add(Mention{VCS: "git", URL: url})
		if found, err := f.done(); (len(found) == 0) != want || err != nil {
			t.Errorf("%s: %v, %v", url, found, err)
		}
	}
}

func TestIsComputed(t *testing.T) {
	for text, want := range map[string]bool{
		"main": false, "v1.2+x": false, "a{b": false, "feature/{}": false, "https://h/o/r$": false,
		"{{ x }}": true, "$BRANCH": true, "${X}": true, "$(x)": true, "$1": true, "$@": true, "{COMMIT}": true, "%(x)s": true, "<% x %>": true, "${{ x }}": true, "=x_y=": true, "@X@": true,
	} {
		if got := isComputed(text); got != want {
			t.Errorf("isComputed(%q) = %v", text, got)
		}
	}
}

func TestComputedLogin(t *testing.T) {
	for _, tt := range []struct{ url, want string }{
		{"https://oauth2:${TOKEN}@git.example.test/o/r", "https://git.example.test/o/r"},
		{"https://$USER:$TOKEN@git.example.test/o/r", "https://git.example.test/o/r"},
		{"https://{{ user }}:{{ token | b64decode }}@git.example.test/o/r", "https://git.example.test/o/r"},
		{"https://me@git.example.test/o/r", "https://me@git.example.test/o/r"},
		{"https://git.example.test/${X}/r@x", ""}, {"https://${TOKEN}@${HOST}/o/r", ""}, {"ssh://${USER}@git.example.test/o/r", ""},
	} {
		f := newFindings(File{Path: "x"})
		f.add(Mention{URL: tt.url})
		found, err := f.done()
		if got := len(found) == 1; got != (tt.want != "") || got && found[0].URL != tt.want || (err != nil) == got {
			t.Errorf("%q: %+v, %v", tt.url, found, err)
		}
	}
}

// A clone's FETCH_HEAD is no branch of its remote.
func TestFetchHead(t *testing.T) {
	f := newFindings(File{Path: "x"})
	f.add(Mention{URL: "https://git.example.test/o/r", Name: "FETCH_HEAD"})
	if found, err := f.done(); len(found) != 0 || err != nil {
		t.Errorf("%+v, %v", found, err)
	}
}
