package detect

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

func TestShellExpand(t *testing.T) {
	d := &dockerfile{values: map[string]string{"X": "main", "1": "org/repo", "PAIR": "o/r:dev:x", "FILE": "a.tar.gz", "U": "$LATER"}}
	for text, want := range map[string]string{
		"$X ${X}-${X:-no}":       "main main-main",
		"$1x ${1}":               "org/repox org/repo",
		"${Y:-dev} ${Y-a}":       "dev a",
		"${2:-${Y:-${X}}}":       "main",
		"${2:-$Y}":               "$Y",
		"${PAIR%%:*} ${PAIR%:*}": "o/r o/r:dev",
		"${PAIR#*:} ${PAIR##*:}": "dev:x x",
		"${FILE%.gz} ${FILE#a.}": "a.tar tar.gz",
		"${FILE%[a-z]*}":         "${FILE%[a-z]*}",
		"${U%x} ${Y%x}":          "${U%x} ${Y%x}",
		"$(X) $(cat x) $":        "main $(cat x) $",
		"${X ${{ a }} ${!X}":     "${X ${{ a }} ${!X}",
		"${X/a/b} ${#X}":         "${X/a/b} ${#X}",
	} {
		if got := d.expand(text); got != want {
			t.Errorf("%s becomes %q, want %q", text, got, want)
		}
	}
}

// script is what a script in a pipeline names, in a line each.
func mentionsOf(t *testing.T, script string, beside map[string]string) string {
	t.Helper()
	text := "script: |\n  " + strings.ReplaceAll(script, "\n", "\n  ") + "\n"
	found, err := pipelineScripts().Find(File{Path: ".travis.yml", Text: []byte(text), Read: besideIn(beside)})
	if err != nil {
		t.Error(err)
	}
	var lines []string
	for _, m := range found {
		lines = append(lines, strings.TrimSpace(strings.TrimPrefix(m.URL, "https://github.com/")+" "+m.Name))
	}
	return strings.Join(lines, ", ")
}

func TestShells(t *testing.T) {
	for about, tt := range map[string]struct{ script, want string }{
		"a function": {`clone() { git clone -b "$2" "https://github.com/$1"; }
clone o/a main
clone o/b dev`, "o/a main, o/b dev"},
		"a checkout that is not of a shallow clone": {`git clone --depth 1 https://github.com/o/a --branch main
git checkout "$HERE"`, "o/a main"},
		"a checkout of what was fetched": {`git clone --depth 1 https://github.com/o/a
git fetch origin "$SHA"
git checkout "$SHA"`, ""},
		"a command between quotes": {`echo "version=$(curl -L https://raw.githubusercontent.com/o/a/main/version)" >> out
test "$(curl -s https://github.com/o/b/raw/dev/x | grep $(echo "y"))" = "$((1 + 2))" || echo "$(git clone"`, "o/a main, o/b dev"},
		"a function on lines": {`function get
{
  local repo="$1" branch="${2:-main}"
  if [ ! -d x ]; then
    git clone --branch "$branch" https://github.com/o/$repo.git
  fi
}
get a; get b dev && get $UNKNOWN`, "o/a.git main, o/b.git dev"},
		"brackets apart":        {"get () {\n git clone https://github.com/$1\n}\nget o/a", "o/a"},
		"all arguments":         {`retry() { for i in 1 2; do "$@" && break; done; }` + "\nretry git clone https://github.com/o/a", "o/a"},
		"functions in each":     {"a() { git clone -b $2 https://github.com/o/$1; }\nb() { a \"$1\" dev; }\nb x; b y", "o/x dev, o/y dev"},
		"shift":                 {"a() { b=$1; shift; for r in \"$@\"; do git clone -b $b https://github.com/o/$r; done; }\na dev x y", "o/x dev, o/y dev"},
		"one that calls itself": {"a() { git clone https://github.com/o/$1; a $1; a $1x; }\na b", "o/b"},
		"nobody calls it":       {"a() { git clone https://github.com/o/x; git clone https://github.com/o/$1; }", "o/x"},
		"what is local ends":    {"a() { local r=x; git clone https://github.com/o/$r; }\na\ngit clone -b $r https://github.com/o/no", "o/x"},
		"set":                   {"set -- o/a dev\ngit clone -b $2 https://github.com/$1", "o/a dev"},
		"a loop":                {"for r in a b; do\n  git clone https://github.com/o/$r\ndone", "o/a, o/b"},
		"a loop over a variable": {`REPOS="a b"
for r in $REPOS $MORE c; do git clone -b ${BRANCH:-main} https://github.com/o/$r; done
git clone https://github.com/o/$r`, "o/a main, o/b main, o/c main"},
		"a list": {`repos=(
  o/a:main
  "o/b:dev" # why
)
for r in "${repos[@]}"; do git clone -b "${r#*:}" "https://github.com/${r%%:*}"; done`, "o/a main, o/b dev"},
		"loops in each other": {"for r in a b; do for v in 1 2; do git clone -b $v https://github.com/o/$r; done; done", "o/a 1, o/a 2, o/b 1, o/b 2"},
		"a loop of nothing":   {"for r in $(ls); do git clone https://github.com/o/$r; git clone https://github.com/o/a; done", "o/a"},
		"eval":                {`x() { retry eval "git clone https://github.com/o/$1 --branch $B"; }` + "\nB=dev\nx a\nbash -ec 'git clone https://github.com/o/b'", "o/a dev, o/b"},
		"options in one":      {`OPTS="--depth 1 -b dev"` + "\ngit clone $OPTS https://github.com/o/a\ngit clone $NONE https://github.com/o/b", "o/a dev, o/b"},
		"defaults":            {`: "${BRANCH:=dev}"` + "\ngit clone -b $BRANCH https://github.com/o/a", "o/a dev"},
		"what a file says":    {"B=`cat name`\nC=$(cat ./name)\nD=\"$(cat name)\" N=$(git describe)\nfor b in $B $C $D $N; do git clone -b $b https://github.com/o/a; done", "o/a next"},
		"what a program says": {"B=`git describe`\ngit clone -b $B https://github.com/o/a\ngit clone -b ${B:-main} https://github.com/o/a", ""},
		"go":                  {"go install github.com/o/a/cmd/x@main\nGOBIN=x go run codeberg.org/o/b@abc1234\ngo install github.com/o/no@latest; go get github.com/o/no@v1.2 ./...", "o/a main, https://codeberg.org/o/b abc1234"},
		"where it is":         {"git clone -b dev https://github.com/o/a && cd a && git checkout FETCH_HEAD; git reset --hard HEAD~1; git checkout @{u}", "o/a dev"},
		"a fetch":             {"git clone https://github.com/o/a && cd a && git fetch --depth 1 origin +main:x && git checkout FETCH_HEAD\ngit clone https://github.com/o/b; git fetch origin $X; git checkout FETCH_HEAD", "o/a main"},
		"a remote is added":   {"git init x; cd x; git remote add origin https://github.com/o/a && git config x y && git pull origin main\ngit remote add -f up https://github.com/o/b\ngit fetch up v1:here --depth 1; git checkout here; git fetch none main", "o/a main, o/b v1"},
		"a clone's remotes":   {"git remote add up https://github.com/o/a; git clone https://github.com/o/b; cd b; git fetch up main", "o/b"},
		"a template":          {"${BIN}cookiecutter -f --checkout next gh:o/t; cookiecutter https://github.com/o/u.git x=y; cookiecutter ./here", "o/t next, o/u.git"},
		"a fetch by address":  {"git init x; git fetch https://github.com/o/a refs/heads/dev; git pull https://github.com/o/b main; git pull origin next", "o/a dev, o/b main"},
		"a login":             {"git clone https://x:$TOKEN@github.com/o/a\ngit clone https://${USER}@github.com/o/$B", "o/a"},
		"helm":                {"helm plugin install https://github.com/o/a\nhelm plugin add --version dev https://github.com/o/b.git\nhelm plugin install https://github.com/o/no/releases/download/v1/x.tgz\nhelm plugin list", "o/a, o/b.git dev"},
		"a loop over output":  {"for r in $(X=1 list --all \"$1\"); do git clone https://github.com/o/$r; done; for r in a `X=1 list --all` b; do git clone https://github.com/o/$r; done", "o/a, o/b"},
		"one made twice":      {"get() { git init $2; git remote add origin $1; git fetch origin $2:x && git checkout x || git checkout -f -b x $2; }\nget https://github.com/o/a dev\nget https://github.com/o/b next", "o/a dev, o/b next"},
		"if it is empty":      {"B=dev\nif [ -z \"$B\" ]; then\nB=$(x)\nfi\ngit clone -b $B https://github.com/o/a\n[[ -z ${B} ]] && B=no\ngit clone -b $B https://github.com/o/b\nB=next\ngit clone -b $B https://github.com/o/c\nif test -z \"$C\"; then C=main; fi; git clone -b $C https://github.com/o/d", "o/a dev, o/b dev, o/c next, o/d main"},
		"requirements":        {"S=./x.whl\nif [ a ]; then S=\"${S}[s3] git+https://github.com/o/a.git@fix\"; fi\nR=git+https://github.com/o/no\nexport T='x git+https://github.com/o/b y'", "o/a.git fix, o/b"},
		"asdf":                {"asdf plugin add a https://github.com/o/a\nasdf plugin-add b https://github.com/o/b.git dev\nasdf plugin add c", "o/a, o/b.git dev"},
	} {
		t.Run(about, func(t *testing.T) {
			if got := mentionsOf(t, tt.script, map[string]string{"name": "next\n"}); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestArgumentsOfScripts(t *testing.T) {
	files := map[string]string{
		"ci/get.sh":       "git clone -b ${2:-main} https://github.com/$1\n",
		"ci/functions.sh": "VERSION=v3\nget() {\n  git clone -b $BRANCH https://github.com/o/$1\n}\n",
		"ci/all":          "#!/bin/bash\nBRANCH=`cat ../name`\nsource ci/functions.sh\nget a\nget b\nci/tagged.sh\n",
		"ci/tagged.sh":    "git clone -b ${VERSION:-none} https://github.com/o/c\n",
		"ci/env.sh":       "git clone -b $WHICH https://github.com/o/d\n",
		"sub/ci/own.sh":   "git clone https://github.com/o/e\n",
		"name":            "dev",
	}
	for script, want := range map[string]string{
		"ci/get.sh o/a; bash ci/get.sh o/b dev":      "o/a main, o/b dev",
		"ci/get.sh $UNKNOWN; ci/get.sh":              "",
		"for r in a b; do ./ci/get.sh o/$r $r; done": "o/a a, o/b b",
		"ci/all": "o/c none, o/a dev, o/b dev",
		"export WHICH=x\nci/env.sh\nWHICH=y ci/env.sh\nci/env.sh": "o/d x, o/d y",
		"WHICH=no\nci/env.sh":                                           "",
		"cd sub && ci/own.sh && cd .. && ci/get.sh o/a":                 "o/e, o/a main",
		". ci/functions.sh && BRANCH=x && get a\nci/get.sh o/b $BRANCH": "o/b x, o/a x",
	} {
		t.Run(script, func(t *testing.T) {
			if got := mentionsOf(t, script, files); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// A script that would have the reader go on for ever ends, and what stands
// before that is found.
func TestShellsAreBounded(t *testing.T) {
	hostile(t)
	var double strings.Builder
	double.WriteString("git clone https://github.com/o/a\nf0() { git clone https://github.com/o/$1; }\n")
	for i := range 30 {
		fmt.Fprintf(&double, "f%d() { f%d $1; f%d $1; }\n", i+1, i, i)
	}
	double.WriteString("f30 x\n")
	items := strings.Repeat(" a", 50)
	loops := strings.Repeat("for x in"+items+"; do ", 30) + "git clone https://github.com/o/$x" + strings.Repeat("; done", 30)
	files := map[string]string{"a.sh": "./a.sh $1x\n./a.sh $1y\n. ./a.sh\n", "b.sh": "b() { . ./b.sh; b; }\nb\n"}
	for about, script := range map[string]string{"functions": double.String(), "loops": loops, "scripts": "./a.sh z\n. ./a.sh\n. ./b.sh"} {
		s := newSheet(File{Path: ".travis.yml", Read: besideIn(files)})
		sh := newShell(s, nil, newScriptCalls(s, "."))
		sh.script([]*node{{shape: isText, text: script + "\n"}})
		if s.steps > maxSteps+maxShellDepth*maxItems {
			t.Errorf("%s: %d steps were made", about, s.steps)
		}
		if len(sh.calls.ran) > maxScriptRuns {
			t.Errorf("%s: %d scripts were run", about, len(sh.calls.ran))
		}
	}
}

func TestDockerShells(t *testing.T) {
	files := maps.Clone(map[string]string{
		"../scripts/setup": "#!/bin/sh\npip install git+https://github.com/o/h\n",
		"../get.sh":        "git clone https://github.com/$1\n",
		"../Makefile":      "tools:\n\tgit clone https://github.com/o/t\n",
	})
	runSamples(t, []Detector{dockerfiles()}, []sample{{about: "an image", path: "docker/Dockerfile", beside: files, text: `FROM x
COPY get.sh scripts/setup /
RUN /get.sh o/a && for r in b c; do git clone https://github.com/o/$r; done
RUN B=dev && git clone -b $B https://github.com/o/d
ARG URL=https://github.com/o/e/archive/main.tar.gz
RUN curl -L $URL | tar xz && asdf plugin add f https://github.com/o/f
RUN make tools && /setup
COPY . /src
RUN cargo install --git https://github.com/o/g && make -j4 tools
FROM y
RUN make tools
`, want: []string{
		"1 https://github.com/o/a - any",
		"2 https://github.com/o/h - any",
		"2 https://github.com/o/t - any",
		"3 https://github.com/o/b - any",
		"3 https://github.com/o/c - any",
		"4 https://github.com/o/d dev any",
		"6 https://github.com/o/e main any",
		"6 https://github.com/o/f - any",
		"9 https://github.com/o/g - any",
	}}})
}

// What runs between quotes leaves the shell where it is.
func TestSubstitutionsLeaveTheDirectory(t *testing.T) {
	beside := map[string]string{"Makefile": "all:\n\tgit clone https://github.com/o/here\n", "sub/Makefile": "all:\n\tgit clone https://github.com/o/there\n"}
	if got := mentionsOf(t, "HERE=\"$(cd sub && pwd)\"\nmake all", beside); got != "o/here" {
		t.Errorf("found %s", got)
	}
}
