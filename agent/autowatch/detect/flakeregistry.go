package detect

import "strings"

// registered is where Nix's own registry leads for the names that flakes use
// most. Nobody has to declare what is in it.
func registered(id string) (in flakeInput, ok bool) {
	address := map[string]string{
		"disko":          "nix-community/disko",
		"emacs-overlay":  "nix-community/emacs-overlay",
		"fenix":          "nix-community/fenix",
		"flake-parts":    "hercules-ci/flake-parts",
		"flake-utils":    "numtide/flake-utils",
		"home-manager":   "nix-community/home-manager",
		"nix":            "NixOS/nix",
		"nix-darwin":     "nix-darwin/nix-darwin",
		"nixos-hardware": "NixOS/nixos-hardware",
		"nixpkgs":        "NixOS/nixpkgs/nixpkgs-unstable",
		"nur":            "nix-community/NUR",
		"poetry2nix":     "nix-community/poetry2nix",
		"sops-nix":       "Mic92/sops-nix",
		"systems":        "nix-systems/default",
	}[id]
	if address == "" {
		return flakeInput{}, false
	}
	return parseFlakeURL("github:" + address)
}

// parseRegistered reads "nixpkgs", "nixpkgs/branch" or "nixpkgs/branch/hash".
func parseRegistered(text string) (in flakeInput, ok bool) {
	parts := strings.SplitN(text, "/", 3)
	in, ok = registered(parts[0])
	if ok && len(parts) > 1 {
		in.ref = parts[1]
	}
	if ok && len(parts) > 2 {
		in.rev = parts[2]
	}
	return in, ok
}

// flakeArguments takes the inputs that are not declared: the arguments of the
// outputs, which the registry has.
func (s *sheet) flakeArguments(attributes []nixAttribute) {
	declared := map[string]bool{}
	for _, a := range attributes {
		if a.path[0] == "inputs" && len(a.path) > 1 {
			declared[a.path[1]] = true
		}
	}
	for _, a := range attributes {
		if a.path[0] != "outputs" || declared[a.value] {
			continue
		}
		if in, ok := registered(a.value); ok {
			in.line = a.line
			s.flakeInput(in)
		}
	}
}
