package detect

import (
	"fmt"
	"strings"
	"testing"
)

// TestScriptPlaces: the ways in which scripts name files beside themselves and
// in their work tree, wherever they are called from.
func TestScriptPlaces(t *testing.T) {
	before := []string{ // in the script ci/run.sh
		`. "$(dirname "$0")/called.sh"`,
		`source $(dirname $0)/called.sh`,
		`"$(dirname "${BASH_SOURCE[0]}")"/called.sh --x`,
		`$(dirname "$0")/called.sh`,
		"`dirname $0`/called.sh",
		"bash `dirname \"$0\"`/called.sh",
		`. ${0%/*}/called.sh`,
		`source "${BASH_SOURCE%/*}/called.sh"`,
		`source "${BASH_SOURCE[0]%/*}/called.sh"`,
		`"$(git rev-parse --show-toplevel)/ci/called.sh"`,
		`$(git rev-parse --show-toplevel)/ci/called.sh`,
		`cd "$(dirname "$0")"; ./called.sh`,
		`cd $(dirname $0)/..; ./ci/called.sh`,
		`cd "${0%/*}" && make`,
		"cd \"`dirname $0`/sub\"; make -C ..",
		`D=$(dirname "$(readlink -f "$0")"); cd "$D"; make`,
		`D="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"; make -C "$D"`,
		`D=$( cd -- "$( dirname -- "${BASH_SOURCE[0]}" )" &> /dev/null && pwd ); make -C $D/sub/..`,
		`D="$( cd "$( dirname "${BASH_SOURCE[0]}" )/.." >/dev/null 2>&1 && pwd -P )"; make -C $D/ci`,
		"D=`cd \"\\`dirname $0\\`\"; pwd`; bash $D/called.sh",
		`D="$(realpath "$(dirname "$0")/..")"; cd $D/ci; make`,
		`D=$(git rev-parse --show-toplevel); cd "$D/ci"; make`,
	}
	for _, line := range before {
		files := map[string]string{
			"ci/run.sh": "#!/bin/bash\n" + line + "\n", "ci/called.sh": "#!/bin/sh\ngit clone https://github.com/o/a\n",
			"ci/Makefile": "all:\n\tgit clone https://github.com/o/a\n",
			"Makefile":    "all:\n\tgit clone https://github.com/o/wrong\n",
		}
		runSamples(t, []Detector{pipelineScripts()}, []sample{{
			about: line, path: ".github/workflows/ci.yml", beside: besideAt(".github/workflows", files), text: "jobs:\n  a:\n    steps:\n      - run: ci/run.sh\n",
			want: []string{"2 https://github.com/o/a - any"},
		}})
	}
	if below, ok := scriptDirectory(strings.Repeat("$(dirname ", 10_000) + "$0"); ok {
		t.Errorf("what does not end is %q", below)
	}
	for _, no := range []string{"$(dirname $1)", "$(dirname $0 | head)", "$(dirname $(cat x))", "$0", "${0##*/}", "$(cd x && pwd)", "$(dirname $0)x"} {
		if below, ok := scriptDirectory(no); ok {
			t.Errorf("%s is the script's own directory, and %q", no, below)
		}
	}
	if got := fmt.Sprintf("%q", texts(shellWords("a\"$(dirname \"$0\")\"/b $(dirname $0) `dirname x`", 1))); got != "[\"a$(dirname \\\"$0\\\")/b\" \"$(dirname $0)\" \"`dirname\" \"x`\"]" {
		t.Errorf("the words are %s", got)
	}
}

// TestScriptPlacesAreQuick: what it costs to look for them grows with the text.
func TestScriptPlacesAreQuick(t *testing.T) {
	hostile(t)
	for _, part := range []string{"$", "$(", "$(cd ", "$(dirname ", "$(cd $(dirname $0)/a/b/c/d/e/f/g/h/i/j/k/l", "`cd `dirname ", "$(cd $(dirname $0) > a > a > a > a > a > a > a > a > a > a > a > a ", "${0%/*}", "$(readlink -f $("} {
		line := strings.Repeat(part, (1<<20)/len(part))
		bounded(t, func() { shellWords(line, 1) }, "%q", part)
	}
}
