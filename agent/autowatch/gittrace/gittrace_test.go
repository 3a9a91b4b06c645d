package gittrace

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wright-build/wright/agent/workspace/gittest"
)

// TestRead has the real git carry scripts out and reads what it noted.
func TestRead(t *testing.T) {
	lib := gittest.New(t)
	first := lib.Commit("first", map[string]string{"file": "1", "name": "of a file"})
	lib.Branch("dev")
	lib.Tag("v1")
	lib.Commit("second", map[string]string{"file": "2"})
	lib.Branch("main")
	for name, tt := range map[string]struct {
		script string
		want   []string // "directory name" of lib
	}{
		"a clone":                     {`git clone -q $LIB a`, []string{"a HEAD"}},
		"of a branch":                 {`git clone -qb dev --depth 1 $LIB a`, []string{"a dev"}},
		"the other spelling":          {`git clone --branch=dev $LIB a`, []string{"a dev"}},
		"thrown away":                 {`git clone -q $LIB a; rm -rf a`, []string{"a HEAD"}},
		"two in one place":            {`git clone -q $LIB a; rm -rf a; git clone -qb dev $LIB a`, []string{"a HEAD", "a dev"}},
		"checked out":                 {`git clone -q $LIB a; cd a; git checkout -q dev`, []string{"a dev"}},
		"checked out, as of a remote": {`git clone -q $LIB a; git -C a checkout -q --detach origin/dev`, []string{"a dev"}},
		"switched":                    {`git clone -q $LIB a; git -C a switch -q dev`, []string{"a dev"}},
		"reset":                       {`git clone -q $LIB a; git -C a reset -q --hard origin/dev`, []string{"a dev"}},
		"reset without its files":     {`git clone -q $LIB a; git -C a reset -q origin/dev`, []string{"a HEAD"}},
		"a commit":                    {`git clone -q $LIB a; git -C a checkout -q ` + first, []string{"a " + first}},
		"a branch of its own":         {`git clone -q $LIB a; cd a; git checkout -qb mine origin/dev; git checkout -q main; git checkout -q mine`, []string{"a dev"}},
		"a file is no branch":         {`git clone -q $LIB a; cd a; git checkout -q -- name; git checkout -q file; git reset -q file`, []string{"a HEAD"}},
		"the second try":              {`git clone -qb none $LIB a || git clone -qb dev $LIB a`, []string{"a dev"}},
		"the second name":             {`git clone -q $LIB a; cd a; git checkout -q none || git checkout -q dev --`, []string{"a dev"}},
		"nothing is checked out":      {`git clone -qn $LIB a; git clone -q --bare $LIB b; git clone -q --mirror $LIB c; git ls-remote $LIB dev`, nil},
		"checked out later":           {`git clone -qn $LIB a; git -C a checkout -q dev`, []string{"a dev"}},
		"made empty":                  {`git init -q a; cd a; git remote add up $LIB; git fetch -q --depth 1 up dev; git checkout -q FETCH_HEAD`, []string{"a dev"}},
		"fetched by its address":      {`git init -q a; cd a; git fetch -q $LIB; git checkout -q FETCH_HEAD`, []string{"a HEAD"}},
		"fetched as a branch":         {`git init -q a; cd a; git fetch -q $LIB +dev:refs/heads/x; git checkout -q x`, []string{"a dev"}},
		"a fetched tag":               {`git init -q a; cd a; git fetch -q $LIB tag v1; git checkout -q FETCH_HEAD`, []string{"a refs/tags/v1"}},
		"fetched again":               {`git clone -qb dev $LIB a; cd a; git fetch -q; git reset -q --hard FETCH_HEAD`, []string{"a dev"}},
		"pulled":                      {`git clone -q $LIB a; git -C a pull -q; git -C a pull -q origin dev`, []string{"a HEAD", "a dev"}},
		"merged":                      {`git clone -q $LIB a; git -C a merge -q origin/dev`, []string{"a HEAD", "a dev"}},
		"pushed back":                 {`git init -q --bare b; git clone -q $LIB a; cd a; git push -q $LIB HEAD:refs/heads/bot`, nil},
		"pushed elsewhere":            {`git init -q --bare b; git clone -q $LIB a; cd a; git push -q ../b HEAD`, []string{"a HEAD"}},
		"another address":             {`git init -q a; cd a; git remote add origin none; git remote set-url origin $LIB; git fetch -q; git checkout -q origin/dev`, []string{"a dev"}},
		"an archive":                  {`git clone -qn $LIB a; cd a; git archive origin/dev >/dev/null`, []string{"a dev"}},
		"another work tree":           {`git clone -qn $LIB a; cd a; git worktree add ../b origin/dev`, []string{"a dev"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := record(t, strings.ReplaceAll(tt.script, "$LIB", lib.URL()))
			for _, u := range got {
				if u.URL != lib.URL() {
					t.Errorf("it is of %s", u.URL)
				}
			}
			if shown := show(got); !slices.Equal(shown, tt.want) {
				t.Errorf("got %q, want %q", shown, tt.want)
			}
		})
	}
}

// record runs a script and reads what git noted.
func record(t *testing.T, script string) []Use {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "record")
	c := exec.CommandContext(t.Context(), "sh", "-ec", script)
	c.Dir = dir
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=x", "GIT_AUTHOR_EMAIL=x@example.test", "GIT_COMMITTER_NAME=x", "GIT_COMMITTER_EMAIL=x@example.test")
	for name, value := range Variables(file) {
		c.Env = append(c.Env, name+"="+value)
	}
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	uses, err := Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return uses
}

func show(uses []Use) []string {
	var list []string
	for _, u := range uses {
		name := u.Name
		if name == "" {
			name = "HEAD"
		}
		list = append(list, filepath.Base(u.Dir)+" "+name)
	}
	return list
}

// TestRepositoriesOfSubmodules: a command may name them before its own.
func TestRepositoriesOfSubmodules(t *testing.T) {
	uses, err := Read(strings.NewReader(`{"event":"start","sid":"1","argv":["git","clone","https://h/r"]}
{"event":"def_repo","sid":"1","repo":2,"worktree":"/w/sub"}
{"event":"def_repo","sid":"1","repo":1,"worktree":"/w"}
{"event":"exit","sid":"1","code":0}
`))
	if want := []Use{{URL: "https://h/r", Dir: "/w"}}; err != nil || !slices.Equal(uses, want) {
		t.Errorf("got %+v and %v, want %+v", uses, err, want)
	}
}

// TestHostile: what a build may write there in git's place.
func TestHostile(t *testing.T) {
	clone := `{"event":"start","sid":"%[1]d","argv":["git","clone","https://h/%[1]d"]}
{"event":"def_repo","sid":"%[1]d","repo":1,"worktree":"/w%[1]d"}
{"event":"exit","sid":"%[1]d","code":0}
`
	good := fmt.Sprintf(clone, 0)
	many := &bytes.Buffer{}
	for i := range maxTrees + 10 {
		fmt.Fprintf(many, clone, i)
	}
	for name, tt := range map[string]struct {
		text   string
		want   int
		failed bool
	}{
		"nothing":         {"", 0, false},
		"no record":       {"hello\n\x00\xff{}\n[]\n{\"event\":\"start\"\n" + good, 1, false},
		"a long line":     {strings.Repeat("x", 3*maxLine) + "\n" + good, 1, false},
		"cut short":       {good + strings.TrimSuffix(good, "}\n"), 1, false},
		"of other types":  {`{"event":"start","sid":7,"argv":{}}` + "\n" + good, 1, false},
		"no end":          {strings.Repeat(`{"event":"start","sid":"x","argv":["git","clone","u"]}`+"\n", 10), 0, false},
		"many trees":      {many.String(), maxTrees, false},
		"much":            {good + strings.Repeat(strings.Repeat("x", 1<<16)+"\n", 1<<10), 1, true},
		"options at last": {strings.Replace(good, `"https://h/0"`, `"-b"`, 1) + strings.Replace(good, `"clone","https://h/0"`, `"-C"`, 1), 0, false},
		"no program":      {strings.Replace(good, `["git","clone","https://h/0"]`, `[]`, 1), 0, false},
	} {
		uses, err := Read(strings.NewReader(tt.text))
		if len(uses) != tt.want || (err != nil) != tt.failed {
			t.Errorf("%s: got %d uses and error %v", name, len(uses), err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"event":"start","sid":"1","argv":["git","clone","-b","x","https://h/r"]}
{"event":"def_repo","sid":"1","repo":1,"worktree":"/w"}
{"event":"exit","sid":"1","code":0}
{"event":"start","sid":"2","argv":["git","fetch","origin","+a:b"]}
{"event":"def_repo","sid":"2","repo":1,"worktree":"/w"}
{"event":"exit","sid":"2","code":0}
{"event":"start","sid":"3","argv":["/usr/lib/git-core/git-checkout","-qB","x","FETCH_HEAD"]}
{"event":"def_repo","sid":"3","repo":1,"worktree":"/w"}
{"event":"cmd_mode","sid":"3","name":"branch"}
{"event":"exit","sid":"3","code":0}
`)
	f.Fuzz(func(t *testing.T, text string) {
		uses, err := Read(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range uses {
			if u.URL == "" || u.Dir == "" {
				t.Errorf("a use of nothing: %+v", u)
			}
		}
	})
}
