package detect

import "testing"

func TestMxdev(t *testing.T) {
	runSamples(t, []Detector{mxdev()}, []sample{{
		about: "what is used of what is included", path: "dev/mx.ini", text: `[settings]
default-target = src
include =
    packages.ini
    chosen.ini https://example.test/more.ini
    mx.ini
[theme]
extras = test
[off]
url = https://git.example.test/off.git
use = False
`, beside: map[string]string{
			"packages.ini": "[settings]\nours = https://git.example.test\n\n[handbook]\nurl = ${settings:ours}/handbook.git\nbranch = 2.0\n" +
				"[theme]\nurl = ${settings:ours}/theme.git\nbranch = live\n[other]\nurl = https://git.example.test/other.git\n",
			"chosen.ini": "[settings]\ndefault-use = false\n[handbook]\nuse = true\n[theme]\nuse = true\n",
		}, want: []string{
			"5 https://git.example.test/handbook.git 2.0 branch",
			"8 https://git.example.test/theme.git live branch",
		},
	}})
}
