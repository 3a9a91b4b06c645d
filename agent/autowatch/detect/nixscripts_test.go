package detect

import "testing"

func TestNixScripts(t *testing.T) {
	runSamples(t, []Detector{nixScripts()}, []sample{
		{about: "a module", path: "modules/editor.nix", text: `{ pkgs, ... }: {
  # git clone https://github.com/o/no
  description = "git clone https://github.com/o/no";
  home.activation.doom = lib.hm.dag.entryAfter [ "writeBoundary" ] ''
    if [ ! -d "$HOME/.emacs.d" ]; then
      ${pkgs.git}/bin/git clone --depth=1 --branch next \
        https://github.com/o/editor.git "''${HOME}/.emacs.d"
    fi
    [ -d /x ] || git clone https://github.com/o/x /x
    git clone https://github.com/o/pinned /y
    git clone -b ${branch} https://github.com/o/computed
  '';
  systemd.services.x.serviceConfig.ExecStartPre = [
    "${pkgs.writeShellScript "x" ''
      if [ ! -d /z ]; then git clone gitea@git.example.test:o/z.git /z; fi
    ''}"
  ];
  testScript = ''
    machine.succeed("git clone https://github.com/o/no")
  '';
}
`, want: []string{
			"6 https://github.com/o/editor.git next any", "9 https://github.com/o/x - any", "10 https://github.com/o/pinned - any",
			"15 gitea@git.example.test:o/z.git - any",
		}},
		{about: "a package that updates itself", path: "pkgs/x.nix", text: "passthru.updateScript = writeScript \"u\" ''\n  git clone https://github.com/o/no\n'';\n"},
	})
}
