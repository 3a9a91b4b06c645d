package detect

import (
	"fmt"
	"strings"
	"testing"
)

// TestToolCommands has one line for each way in which a tool is told an address,
// and what it follows then: "" for nothing.
func TestToolCommands(t *testing.T) {
	for line, want := range map[string]string{
		"npm i -g o/r":                                               "https://github.com/o/r - any",
		"npm install --save-dev github:o/r#dev":                      "https://github.com/o/r dev any tag-first",
		"npm install --prefix a/b x":                                 "",
		"npm install build/x.tgz @o/r ./a/b":                         "",
		"sudo yarn global add https://github.com/o/r.git":            "https://github.com/o/r.git - any",
		"pnpm add -g git+https://github.com/o/r.git#semver:^1":       "https://github.com/o/r.git ^1 version",
		"npx github:o/r x":                                           "https://github.com/o/r - any",
		"npx --yes -p x y --from origin/main src/x":                  "",
		"npx degit o/r/dir#dev x":                                    "https://github.com/o/r dev any tag-first",
		"npx tiged gitlab:o/r":                                       "https://gitlab.com/o/r - any",
		"gem specific_install -l https://github.com/o/r.git -b dev":  "https://github.com/o/r.git dev any",
		"gem specific_install o/r":                                   "https://github.com/o/r - any",
		"nimble install -y https://github.com/o/r@#head":             "https://github.com/o/r - any",
		"nimble install https://github.com/o/r@#dev":                 "https://github.com/o/r dev any tag-first",
		"nimble install https://github.com/o/r":                      "",
		"raco pkg install --auto https://github.com/o/r.git#dev":     "https://github.com/o/r.git dev any tag-first",
		"zef install https://github.com/o/r.git@dev":                 "https://github.com/o/r.git dev any tag-first",
		"mbed deploy https://github.com/o/r/#dev":                    "https://github.com/o/r/ dev any tag-first",
		"arduino-cli lib install --git-url https://github.com/o/r":   "https://github.com/o/r - any",
		"pio lib -g install https://github.com/o/r.git":              "https://github.com/o/r.git - any",
		"platformio pkg install -l https://github.com/o/r#dev":       "https://github.com/o/r dev any tag-first",
		"opam pin add -n x https://github.com/o/r.git#dev":           "https://github.com/o/r.git dev any tag-first",
		"mix archive.install --force github o/r branch dev":          "https://github.com/o/r dev any",
		"mix archive.install hex phx_new":                            "",
		"haxelib git x https://github.com/o/r dev":                   "https://github.com/o/r dev any",
		"haxelib git x https://github.com/o/r --quiet":               "https://github.com/o/r - any",
		"dart pub global activate -sgit https://github.com/o/r":      "https://github.com/o/r - any",
		"pub global activate -s git https://h/o/r.git --git-ref=dev": "https://h/o/r.git dev any",
		"conan config install https://github.com/o/r.git":            "https://github.com/o/r.git - any",
		"pod repo add x https://github.com/o/r dev":                  "https://github.com/o/r dev any",
		"cargo generate --git https://github.com/o/r --branch dev":   "https://github.com/o/r dev any",
		"cargo generate o/r -t v1":                                   "https://github.com/o/r v1 tag",
		"mbed add https://github.com/o/r https://github.com/o/no":    "https://github.com/o/r - any",
		"gh repo clone o/r x/y -- -b dev":                            "https://github.com/o/r dev any",
		"cargo generate o/r":                                         "https://github.com/o/r - any",
		"cargo binstall --git https://github.com/o/r x":              "https://github.com/o/r - any",
		"copier copy gh:o/r .":                                       "",
		"copier copy --vcs-ref HEAD gh:o/r .":                        "https://github.com/o/r - any",

		"kubectl -n x apply -k github.com/o/r/dir?ref=dev":                             "https://github.com/o/r dev any tag-first",
		"kubectl apply -k overlays/prod":                                               "",
		"kubectl kustomize https://github.com/o/r/dir | kubectl apply -f -":            "https://github.com/o/r - any tag-first",
		"kustomize build --enable-helm https://github.com/o/r//dir?ref=v1":             "https://github.com/o/r v1 any tag-first",
		"terraform init -from-module=git::https://github.com/o/r.git?ref=dev":          "https://github.com/o/r.git dev any tag-first",
		"oc new-app php~https://github.com/o/r#dev --name x":                           "https://github.com/o/r dev any tag-first",
		"s2i build https://github.com/o/r x y":                                         "https://github.com/o/r - any",
		"argocd app create x --repo https://github.com/o/r --path y --revision dev":    "https://github.com/o/r dev any",
		"argocd app create x --repo https://charts.example.test --helm-chart y":        "",
		"flux create source git x --url=https://github.com/o/r --branch=dev":           "https://github.com/o/r dev any",
		"flux create source git x --url=https://github.com/o/r --tag=v1":               "https://github.com/o/r v1 tag",
		"kpt pkg get https://github.com/o/r.git/dir@dev":                               "https://github.com/o/r.git dev any tag-first",
		"ansible-pull -U https://github.com/o/r -C dev x.yml":                          "https://github.com/o/r dev any",
		"docker build -t o/x --build-arg A=https://github.com/o/no.git .":              "",
		"docker build -t o/x https://github.com/o/r.git#dev:dir":                       "https://github.com/o/r.git dev any",
		"docker buildx build github.com/o/r":                                           "https://github.com/o/r - any",
		"nix run github:o/r/dev -- x":                                                  "https://github.com/o/r dev any",
		"nix --extra-experimental-features flakes profile install git+https://h/r.git": "https://h/r.git - any",
		"nix build .#x nixpkgs#hello":                                                  "",
		"nixos-rebuild switch --flake github:o/r#x":                                    "https://github.com/o/r - any",
		"nix-shell -I nixpkgs=https://github.com/o/r/archive/dev.tar.gz":               "https://github.com/o/r dev any",

		"repo init -u https://h/o/r.git -b dev -m x.xml": "https://h/o/r.git dev any",
		"west init -m https://github.com/o/r --mr dev x": "https://github.com/o/r dev any",
		"west init -l x": "",
		"git subtree pull --prefix p https://github.com/o/r dev":      "https://github.com/o/r dev any",
		"git submodule add -b dev https://github.com/o/r x":           "https://github.com/o/r dev any",
		"git archive --remote=https://h/o/r.git dev | tar x":          "https://h/o/r.git dev any",
		"gh repo clone o/r x -- --depth 1 -b dev":                     "https://github.com/o/r dev any",
		"git lfs clone https://github.com/o/r":                        "https://github.com/o/r - any",
		`julia -e 'Pkg.add(url="https://h/o/r", rev="dev")'`:          "https://h/o/r dev any tag-first",
		`julia -e 'Pkg.develop(PackageSpec(url="https://h/o/r.jl"))'`: "https://h/o/r.jl - any",
		`julia -e 'Pkg.add("X"); Pkg.instantiate()'`:                  "",
		"echo npm i o/r": "",
	} {
		for path, script := range map[string]string{".travis.yml": "script:\n  - >-\n    " + line, "Dockerfile": "FROM x\nRUN " + line} {
			found, err := everyScript(path).Find(File{Path: path, Text: []byte(script + "\n")})
			var got []string
			for _, m := range found {
				_, words, _ := strings.Cut(m.short(), " ")
				got = append(got, words)
			}
			if strings.Join(got, "; ") != want || err != nil {
				t.Errorf("%s: %s\ngot  %q, %v\nwant %q", path, line, got, err, want)
			}
		}
	}
}

func everyScript(path string) Detector {
	if path == "Dockerfile" {
		return dockerfiles()
	}
	return pipelineScripts()
}

// A command with very many words, and very many tools in one.
func TestToolCommandsAreBounded(t *testing.T) {
	hostile(t)
	for _, words := range []string{"npm i ", "npm i o/r ", "kubectl -n ", "nix - ", "julia add( ", "repo init -u ", "pub global activate "} {
		line := strings.Repeat(words, (1<<20)/len(words))
		bounded(t, func() {
			_, _ = pipelineScripts().Find(File{Path: ".travis.yml", Text: fmt.Appendf(nil, "script:\n  - %s\n", line)})
		}, "%q again and again", words)
	}
}
