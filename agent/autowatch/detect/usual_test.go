package detect

import "testing"

// What well-known projects have besides the usual files.
func TestUsualProjects(t *testing.T) {
	runSamples(t, append(languages(), deployments()...), []sample{
		{about: "overrides of pixi", path: "ci/pixi.toml", text: `[feature.next.pypi-options.dependency-overrides]
array = { version = "*", index = "https://p.example.test" }
dask = { git = "https://github.com/o/dask" }
zarr = { git = "https://github.com/o/zarr", branch = "next" }
`, want: []string{"3 https://github.com/o/dask - any", "4 https://github.com/o/zarr next branch"}},
		{about: "applications of Cloud Foundry", path: "manifest.yml", text: `applications:
- name: web
  buildpacks:
    - https://github.com/o/apt-buildpack
    - python_buildpack
    - https://github.com/o/nginx-buildpack.git#main
- name: old
  buildpack: https://github.com/o/go-buildpack.git#v1.9
- name: zipped
  buildpacks: ["https://example.test/pack.zip", ((pack))]
`, want: []string{"4 https://github.com/o/apt-buildpack - any", "6 https://github.com/o/nginx-buildpack.git main any", "8 https://github.com/o/go-buildpack.git v1.9 any"}},
		{about: "another manifest", path: "manifest.yml", text: "applications:\n- name: x\n  url: https://github.com/o/r\n  buildpacks: [ruby_buildpack]\n"},
		{about: "jsonnet-bundler in an image", path: "Dockerfile", text: `FROM golang
RUN jb init && jb install github.com/o/mixin@main
RUN jb install github.com/o/kube/jsonnet/kube https://gitlab.com/o/x.git@v1
`, want: []string{"2 https://github.com/o/mixin main any tag-first", "3 https://github.com/o/kube master any tag-first"}},
		{about: "files that are added", path: "Dockerfile", text: `FROM x
ADD --chmod=777 https://github.com/o/data/blob/main/eng.bin?raw=true /d/
ADD https://raw.githubusercontent.com/o/conf/stable/a.conf /etc/
ADD --checksum=sha256:00 https://raw.githubusercontent.com/o/no/main/a /b
`, want: []string{"2 https://github.com/o/data main any", "3 https://github.com/o/conf stable any"}},
		{about: "a flake in an expression", path: "nix/run.nix", text: `{ pkgs }: let
  data = __getFlake "github:o/data/nix";
  tool = builtins.getFlake "github:o/tool/${commit}";
  at = builtins.getFlake "github:o/at/` + hash + `";
in data
`, want: []string{"2 https://github.com/o/data nix any", "4 https://github.com/o/at " + hash + " commit"}},
		{about: "a provisioner with a variable", path: "m/main.tf", text: `resource "null_resource" "x" {
  provisioner "local-exec" {
    command = "if [ ! -d x ]; then git clone ${var.code} x; fi; git clone ${var.other}"
  }
}
`, beside: map[string]string{"variables.tf": `variable "code" {
  default = "https://github.com/o/worlds.git"
}
variable "other" { type = string }
`}, want: []string{"3 https://github.com/o/worlds.git - any"}},
		{about: "files for Windows", path: "roles/debug/tasks/main.yml", text: `- ansible.windows.win_get_url:
    url: "{{ item }}"
    dest: 'c:\\x'
  loop: "{{ debug_files }}"
`, beside: map[string]string{"../defaults/main.yml": `debug_files:
  - https://github.com/o/net/raw/master/a.ps1
  - https://raw.githubusercontent.com/o/tools/main/b.ps1
  - https://example.test/c.ps1
`}, want: []string{"2 https://github.com/o/net master any", "2 https://github.com/o/tools main any"}},
		{about: "a list that a pipeline is made of", path: "releases/releases.yml", text: `releases:
- name: x
  uri: https://github.com/o/x-release
  branch: jammy
- name: y
  uri: https://y.example.test/
  branch: main
locks:
  type: pool
  source: {uri: "git@github.com:o/locks.git", branch: main, pool: x}
tags:
  source: {uri: "https://github.com/o/tags", branch: main, tag_filter: "v*"}
`, want: []string{"3 https://github.com/o/x-release jammy any"}},
		{about: "Azure", path: "azure_pipeline.yaml", text: `resources:
  repositories:
  - repository: library
    type: github
    ref: refs/heads/master
    name: o/library
`, want: []string{"6 https://github.com/o/library master branch"}},
	})
}
