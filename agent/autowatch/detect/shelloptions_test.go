package detect

import (
	"strings"
	"testing"
)

// TestOptionsOfScripts: scripts that take apart what they are given.
func TestOptionsOfScripts(t *testing.T) {
	const byHand = `BRANCH=main
while [[ $# -gt 0 ]]; do
  case "$1" in
    -b|--branch)
      BRANCH="$2"

      shift 2 ;;
    --branch=*) BRANCH=${1#*=}; shift;;
    -h | --help) usage
      exit 0;;
    --) shift; break;;
    *)
      REPO=$1
      shift
      ;;
  esac
done
`
	const byKey = `REPO=lib BRANCH=main
while test $# -gt 0
do
  key="$1"
  case $key in
    --branch) BRANCH=$2; shift;;
    --repo) REPO=$2; shift;;
  esac
  shift
done
`
	const getopts = `BRANCH=main
while getopts "b:qr:" opt; do
  case $opt in
    b) BRANCH=$OPTARG ;;
    q) QUIET=1 ;;
    r) REPO="${OPTARG}" ;;
  esac
done
shift $((OPTIND - 1))
REPO=${REPO:-$1}
`
	const getopt = `TEMP=$(getopt \
  --name=$(basename $0) \
  --options='D:h' --longoptions='subdir:' \
  -l prepare:,branch: \
  -- "$@")
eval set -- "$TEMP"
unset TEMP
BRANCH=main
while true; do
  case "$1" in
    -D) MESON+=( -D$2 ); shift 2 ;;
    --branch) BRANCH=$2; shift 2;;
    --subdir|--prepare) shift 2;;
    --) shift; break;;
  esac
done
REPO=$1
`
	for about, tt := range map[string]struct{ script, call, want string }{
		"a word of its own":          {byHand, "--branch dev lib", "lib dev"},
		"the short one":              {byHand, "lib -b dev", "lib dev"},
		"in one word":                {byHand, "--branch=feat/x lib", "lib feat/x"},
		"the default":                {byHand, "lib", "lib main"},
		"behind the end":             {byHand, "-b dev lib -- --branch no", "lib dev"},
		"help":                       {byHand, "lib --help -b no", "lib main"},
		"the name in a variable":     {byKey, "--repo other --branch dev", "other dev"},
		"nothing given":              {byKey, "", "lib main"},
		"what is not known":          {byKey, "--verbose --branch dev", "lib dev"},
		"getopts":                    {getopts, "-q -b dev lib", "lib dev"},
		"getopts, in one word":       {getopts, "-bdev -rlib", "lib dev"},
		"getopts, nothing given":     {getopts, "lib", "lib main"},
		"getopt":                     {getopt, "--subdir a/b/ --prepare ./x.sh -Dman=false lib --branch dev more", "lib dev"},
		"getopt, with an equal sign": {getopt, "lib --branch=dev -Dx", "lib dev"},
		"getopt, nothing given":      {getopt, "lib", "lib main"},
	} {
		repo, branch, _ := strings.Cut(tt.want, " ")
		files := map[string]string{"ci/get.sh": "#!/bin/bash\n" + tt.script + "git clone -b $BRANCH https://github.com/o/$REPO\n"}
		found, err := pipelineScripts().Find(File{Path: ".travis.yml", Text: []byte("script: ci/get.sh " + tt.call + "\n"), Read: besideIn(files)})
		if err != nil || len(found) != 1 || found[0].URL != "https://github.com/o/"+repo || found[0].Name != branch {
			t.Errorf("%s: got %+v and %v, want %s", about, found, err, tt.want)
		}
	}
}

func TestIsLike(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"--x", "--x", true}, {"--x", "--xy", false}, {"--x=*", "--x=a/b", true}, {"*", "", true}, {"-?", "-a", true}, {"-?", "-ab", false},
		{"*/x", "a/b/x", true}, {"[", "[", false}, {`\*`, "x", true}, {"*x*" + strings.Repeat("y", maxPattern), "x", false},
	} {
		if got := isLike(tt.pattern, tt.text); got != tt.want {
			t.Errorf("%q has %q: %v", tt.text, tt.pattern, got)
		}
	}
}

// TestOptionsAreBounded: loops that end by nothing, in each other, and with many
// ways to go.
func TestOptionsAreBounded(t *testing.T) {
	hostile(t)
	items := strings.Repeat("x ", maxItems)
	many := strings.Repeat("-*a*b*c) shift;;\n", 5_000)
	for about, script := range map[string]string{
		"nothing is taken":  "while true; do case $1 in *) true;; -y) shift;; esac; done\n",
		"more is given":     "while true; do case $1 in *) set -- $1 x y z; shift;; esac; done\n",
		"in each other":     strings.Repeat("while true; do case $1 in *) shift 0; set -- "+items+"\n", 50),
		"many ways":         "for a in " + items + "; do for b in " + items + "; do\nset -- " + items + "\nwhile true; do case $1 in\n" + many + "esac; shift; done\ndone; done\n",
		"getopts":           "for a in " + items + "; do for b in " + items + "; do\nset -- " + strings.Repeat("-abc ", 90) + "\nwhile getopts abc x; do case $x in\n" + many + "esac; done\ndone; done\n",
		"getopt":            "for a in " + items + "; do for b in " + items + "; do\nX=$(getopt -l " + strings.Repeat("a,", 10_000) + " -- $@)\nset -- $X\ndone; done\n",
		"it has no end":     "while true; do case $1 in\n" + many,
		"brackets that are": strings.Repeat(";; ( ", 10_000),
	} {
		bounded(t, func() {
			_, _ = pipelineScripts().Find(File{Path: ".travis.yml", Text: []byte("script: ci/get.sh a b\n"), Read: besideIn(map[string]string{"ci/get.sh": script + "git clone u\n"})})
		}, "%s", about)
	}
}
