package detect

import "testing"

func TestFlakes(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "inputs", path: "flake.nix", text: `# a flake
{
  nixConfig = '' ; inputs.no.url = "github:o/no"; ''; description = "inputs.no.url = \"github:o/no\"; ${x}";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    /* old.url = "github:o/old"; */
    utils = {
      url = "github:numtide/flake-utils"; # the head
      inputs.nixpkgs.follows = "nixpkgs";
    };
    src = {
      url = "git+https://git.example.test/src?ref=release/2&submodules=1";
      flake = false;
    };
    pinned.url = "git+ssh://git@git.example.test/pinned.git?ref=main&rev=` + hash + `";
    lab.url = "gitlab:group%2Fsub/proj/dev?host=gitlab.example.test";
    hut.url = "sourcehut:~o/r";
    registry.url = "nixpkgs";
    registry2.url = "nixpkgs/nixos-23.11";
    registry3.url = "flake:home-manager";
    here.url = "path:./sub";
    archive.url = "https://example.test/x.tar.gz";
    "quoted" = { type = "github"; owner = "o"; repo = "quoted"; ref = "dev"; };
    bare.url = github:o/bare;
    mercurial.url = "hg+https://hg.example.test/r?ref=stable";
  };
  inputs.late.url = "github:o/late/v1.0";

  outputs = { self, nixpkgs, utils, ... }@inputs:
    let
      x = 1; y = { inputs.no.url = "github:o/no"; };
    in utils.lib.eachDefaultSystem (system: {
      packages.default = ''
        inputs.no.url = "github:o/no";
      '';
    });
}
`, want: []string{
			"6 https://github.com/NixOS/nixpkgs nixos-unstable any",
			"9 https://github.com/numtide/flake-utils - any",
			"13 https://git.example.test/src release/2 any",
			"16 ssh://git@git.example.test/pinned.git " + hash + " commit",
			"17 https://gitlab.example.test/group/sub/proj dev any",
			"18 https://git.sr.ht/~o/r - any",
			"19 https://github.com/NixOS/nixpkgs nixpkgs-unstable any",
			"20 https://github.com/NixOS/nixpkgs nixos-23.11 any",
			"21 https://github.com/nix-community/home-manager - any",
			"24 https://github.com/o/quoted dev any",
			"25 https://github.com/o/bare - any",
			"26 https://hg.example.test/r stable any hg",
			"28 https://github.com/o/late v1.0 any",
		}},
		{about: "what the registry has", path: "flake.nix", text: `{
  inputs.charts.url = "github:o/charts";
  inputs.fenix.follows = "charts/fenix";
  inputs.old.url = "nixpkgs/nixos-23.11/` + hash + `";
  inputs.mine.url = "flake:mine";
  outputs = inputs@{ self, nixpkgs
    , flake-utils ? (nur { systems = nix; }), charts, fenix, unknown, ... }: flake-utils.lib.eachDefaultSystem (system:
    let x = { disko }: { inputs.no.url = "github:o/no"; }; in x);
  inputs.late.url = "github:o/late";
}
`, want: []string{
			"2 https://github.com/o/charts - any",
			"4 https://github.com/NixOS/nixpkgs " + hash + " commit",
			"6 https://github.com/NixOS/nixpkgs nixpkgs-unstable any",
			"7 https://github.com/numtide/flake-utils - any",
			"9 https://github.com/o/late - any",
		}},
		{about: "a lock that has outlived its flake", path: "modules/flake.lock", text: `{"nodes":{"root":{"inputs":{"x":"x"}},"x":{"original":{"owner":"o","repo":"r","type":"github"}}},"root":"root","version":7}`,
			beside: map[string]string{"flake.lock": ""}},
		{about: "lock", path: "flake.lock", text: `{
  "nodes": {
    "direct": {
      "locked": {"type": "github", "owner": "o", "repo": "direct", "rev": "` + hash + `"},
      "original": {"type": "github", "owner": "o", "repo": "direct"}
    },
    "deep": {
      "locked": {"type": "github", "owner": "o", "repo": "deep", "rev": "` + hash + `"},
      "original": {"type": "github", "owner": "o", "repo": "deep"}
    },
    "branch": {
      "original": {"type": "git", "url": "https://git.example.test/b", "ref": "main"}
    },
    "nixpkgs": {
      "locked": {"type": "github", "owner": "NixOS", "repo": "nixpkgs", "rev": "` + hash + `"},
      "original": {"type": "indirect", "id": "nixpkgs", "ref": "nixos-23.11"}
    },
    "nixpkgs_2": {
      "locked": {"type": "github", "owner": "NixOS", "repo": "nixpkgs", "rev": "` + hash + `"},
      "original": {"type": "indirect", "id": "nixpkgs"}
    },
    "root": {"inputs": {"direct": "direct", "x": ["direct", "nixpkgs"], "nixpkgs": "nixpkgs"}}
  },
  "root": "root",
  "version": 7
}
`, want: []string{
			"5 https://github.com/o/direct - any",
			"16 https://github.com/NixOS/nixpkgs nixos-23.11 any",
		}},
	})
}

func TestFlakesForOthers(t *testing.T) {
	for path, want := range map[string]bool{
		"flake.nix": true, "docs/flake.lock": true, "my-templates/flake.nix": true,
		"templates/desktop/flake.nix": false, "nix/template/flake.nix": false, "templates/x/flake.lock": false, "default.nix": false,
	} {
		if isFlake(path) != want {
			t.Errorf("%s: want %v", path, want)
		}
	}
}
