package detect

import "testing"

func TestDevenv(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "inputs", path: "examples/go/devenv.yaml", text: `inputs:
  nixpkgs:
    url: github:o/nixpkgs/rolling
  here:
    url: path:../..
  tool:
    url: git+https://git.example.test/tool?ref=dev
    inputs: {nixpkgs: {follows: nixpkgs}}
  other: {follows: tool}
imports: [tool]
`, want: []string{"3 https://github.com/o/nixpkgs rolling any", "7 https://git.example.test/tool dev any"}},
		{about: "a lock", path: "devenv.lock", text: `{"nodes": {
  "root": {"inputs": {"a": "a"}},
  "a": {"original": {"type": "github", "owner": "o", "repo": "a", "ref": "main"}},
  "b": {"original": {"type": "github", "owner": "o", "repo": "b"}}
}}`, want: []string{"3 https://github.com/o/a main any"}},
	})
}
