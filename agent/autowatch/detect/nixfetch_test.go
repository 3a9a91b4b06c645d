package detect

import "testing"

func TestNixFetchers(t *testing.T) {
	runSamples(t, []Detector{nixFetchers()}, []sample{
		{about: "a shell", path: "shell.nix", text: `# fetchTarball "https://github.com/o/no/archive/main.tar.gz"
{ pkgs ? import (fetchTarball "https://github.com/o/packages/archive/unstable.tar.gz") {}
, old ? import (builtins.fetchTarball https://github.com/o/old/archive/22.05.tar.gz) {}
, sum ? fetchTarball { url = "https://github.com/o/no/archive/main.tar.gz"; sha256 = "00"; }
, set ? fetchTarball {
    meta = { a = "b"; url = "https://github.com/o/no/archive/main.tar.gz"; };
    url = "https://github.com/o/set/archive/refs/heads/dev.tar.gz";
  }
, pinned ? fetchTarball "https://github.com/o/no/archive/${rev}.tar.gz"
, made ? fetchTarball (f { url = "https://github.com/o/no/archive/main.tar.gz"; })
, here ? builtins.fetchGit ./.
, ours ? builtins.fetchGit { inherit name; url = "ssh://git@git.example.test/ours.git"; ref = "live"; }
, head ? builtins.fetchGit "https://git.example.test/head.git"
, full ? fetchGit { url = "https://git.example.test/full.git"; ref = "refs/tags/v1"; }
, at ? fetchGit { url = "https://git.example.test/at.git"; ref = "main"; rev = "` + hash + `"; }
, doc ? '' fetchGit "https://git.example.test/no.git" ''
}: pkgs
`, want: []string{
			"2 https://github.com/o/packages unstable any",
			"3 https://github.com/o/old 22.05 any",
			"7 https://github.com/o/set dev branch",
			"12 ssh://git@git.example.test/ours.git live branch",
			"13 https://git.example.test/head.git - any",
			"14 https://git.example.test/full.git v1 tag",
			"15 https://git.example.test/at.git " + hash + " commit",
		}},
		{about: "no end", path: "default.nix", text: "fetchGit { url = "},
	})
}
