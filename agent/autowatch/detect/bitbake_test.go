package detect

import "testing"

func TestRecipeParts(t *testing.T) {
	runSamples(t, []Detector{bitbake()}, []sample{
		{about: "the source stands in a file that the recipe takes in", path: "recipes/a/a_1.0.bb", beside: map[string]string{
			"a.inc":       "SRC_URI += \"git://git.example.test/o/a.git;protocol=https;branch=main;name=a\"\nrequire parts/b.inc\nrequire a.inc\n",
			"parts/b.inc": "SRC_URI += \"git://git.example.test/o/b.git;protocol=https;branch=dev;name=b\"\n",
		}, text: `SRCREV_a = "` + hash + `"
SRCREV_b = "${AUTOREV}"
require a.inc
require ${UNKNOWN}.inc
`, want: []string{"1 https://git.example.test/o/a.git " + hash + " commit tag-first", "1 https://git.example.test/o/b.git dev branch"}},
	})
}
