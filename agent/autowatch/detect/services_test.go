package detect

import "testing"

// TestKeysOfServices are commands under the keys that only one service has.
func TestKeysOfServices(t *testing.T) {
	runSamples(t, []Detector{pipelineScripts(), cloudBuilds(), sourcehutBuilds()}, []sample{
		{about: "Gitpod", path: ".gitpod.yml", text: "tasks:\n- init: git clone https://github.com/o/a\n  before: pip install git+https://github.com/o/b\n", want: []string{
			"2 https://github.com/o/a - any", "3 https://github.com/o/b - any",
		}},
		{about: "Cirrus", path: ".cirrus.yml", text: "task:\n  get_script: |\n    git clone https://github.com/o/a\n  env: {X: git clone https://github.com/o/no}\n", want: []string{"3 https://github.com/o/a - any"}},
		{about: "not of another", path: "buildspec.yml", text: "phases: {get_script: 'git clone https://github.com/o/no', init: 'git clone https://github.com/o/no'}\n"},
		{about: "Bitrise", path: "bitrise.yml", text: "workflows:\n  a:\n    steps:\n    - script@1:\n        inputs:\n        - content: git clone https://github.com/o/a\n", want: []string{"6 https://github.com/o/a - any"}},
		{about: "Codemagic", path: "codemagic.yaml", text: "workflows:\n  a:\n    scripts:\n    - git clone https://github.com/o/a\n    - name: b\n      script: git clone https://github.com/o/b\n", want: []string{"4 https://github.com/o/a - any", "6 https://github.com/o/b - any"}},
		{about: "Screwdriver", path: "screwdriver.yaml", text: "jobs:\n  main:\n    steps:\n    - get: git clone https://github.com/o/a\n", want: []string{"4 https://github.com/o/a - any"}},
		{about: "AppVeyor", path: "appveyor.yml", text: "install:\n- ps: git clone -b dev https://github.com/o/a\n", want: []string{"2 https://github.com/o/a dev any"}},
		{about: "a development container", path: ".devcontainer/devcontainer.json", text: "{\n\t// a comment\n\t\"postCreateCommand\": \"git clone https://github.com/o/a\",\n\t\"onCreateCommand\": [\"pip\", \"install\", \"git+https://github.com/o/b\"]\n}\n", want: []string{
			"3 https://github.com/o/a - any", "4 https://github.com/o/b - any",
		}},
		{about: "SourceHut", path: ".builds/x.yml", text: "image: x\nsources:\n- https://git.sr.ht/~o/a\n- https://git.sr.ht/~o/b#dev\ntasks:\n- get: |\n    git clone https://github.com/o/c\n", want: []string{
			"7 https://github.com/o/c - any", "3 https://git.sr.ht/~o/a - any", "4 https://git.sr.ht/~o/b dev any tag-first",
		}},
		{about: "Cloud Build", path: "cloudbuild.yaml", text: `steps:
- name: gcr.io/cloud-builders/git
  args: ['clone', '-b', 'dev', 'https://github.com/o/a']
- name: x
  entrypoint: bash
  args:
  - -c
  - |
    cd /x
    git clone https://github.com/o/b
- name: gcr.io/cloud-builders/docker
  args: [build, -t, 'o/x', .]
`, want: []string{"3 https://github.com/o/a dev any", "10 https://github.com/o/b - any"}},
	})
}

// TestOpamRepositories are what the action setup-ocaml takes packages from.
func TestOpamRepositories(t *testing.T) {
	runSamples(t, []Detector{actions()}, []sample{{about: "a workflow", path: ".github/workflows/x.yml", text: `jobs:
  a:
    steps:
    - uses: ocaml/setup-ocaml@v3
      with:
        opam-repositories: |
          mingw: https://github.com/o/a.git#sunset
          default: https://github.com/o/b.git
`, want: []string{"4 https://github.com/ocaml/setup-ocaml v3 any tag-first", "7 https://github.com/o/a.git sunset any tag-first", "8 https://github.com/o/b.git - any"}}})
}

// TestRunners are files of commands that people call by name.
func TestRunners(t *testing.T) {
	runSamples(t, []Detector{justfiles(), taskfiles(), tiltfiles(), devboxes()}, []sample{
		{about: "just", path: "justfile", text: `ref := "dev"
home := ` + "`pwd`" + `
set shell := ["bash"]
# git clone https://github.com/o/no
get dir='x': other
    @git clone -b {{ref}} https://github.com/o/a {{dir}}

    -git clone https://github.com/o/b \
        x
update:
    git clone https://github.com/o/no
other:
	#!/bin/sh
	git clone https://github.com/o/c
`, want: []string{"6 https://github.com/o/a dev any", "8 https://github.com/o/b - any", "14 https://github.com/o/c - any"}},
		{about: "Task", path: "Taskfile.yml", text: `version: '3'
vars: {REF: dev}
includes:
  a: https://raw.githubusercontent.com/o/a/main/Taskfile.yml
  b: {taskfile: 'https://github.com/o/b.git//Taskfile.yml?ref=main'}
  c: ./c
tasks:
  get:
    cmds:
    - git clone -b {{.REF}} https://github.com/o/d
    - cmd: git clone https://github.com/o/e
    - task: other
  one: git clone https://github.com/o/f
  release:
    cmds: [git clone https://github.com/o/no]
`, want: []string{
			"4 https://github.com/o/a main any", "5 https://github.com/o/b.git main any tag-first", "10 https://github.com/o/d dev any",
			"11 https://github.com/o/e - any", "13 https://github.com/o/f - any",
		}},
		{about: "Tilt", path: "Tiltfile", text: `# git_checkout('https://github.com/o/no')
git_checkout('https://github.com/o/a.git#dev', 'x')
git_resource('x', 'https://github.com/o/b.git')
v1alpha1.extension_repo(name='x', url='https://github.com/o/c', ref='v1')
`, want: []string{"2 https://github.com/o/a.git dev any", "3 https://github.com/o/b.git - any", "4 https://github.com/o/c v1 any"}},
		{about: "Devbox", path: "devbox.json", text: "{\"packages\": [\"github:o/a/main#x\", \"go@1\"],\n\"include\": [\"github:o/b?dir=x\", \"path:x\"]}\n", want: []string{
			"1 https://github.com/o/a main any", "2 https://github.com/o/b - any",
		}},
	})
}

// TestMachines are what machines and their configurations are made from.
func TestMachines(t *testing.T) {
	runSamples(t, []Detector{packerTemplates(), cloudConfigs(), saltStates(), chefRecipes(), puppetFixtures(), puppetfiles()}, []sample{
		{about: "Packer", path: "x.pkr.hcl", beside: map[string]string{"get.sh": "git clone https://github.com/o/b\n"}, text: `build {
  provisioner "shell" {
    inline = ["apt update", "git clone https://github.com/o/a"]
  }
  provisioner "shell" {
    script = "get.sh"
  }
  provisioner "file" { source = "https://github.com/o/no" }
}
`, want: []string{"1 https://github.com/o/b - any", "3 https://github.com/o/a - any"}},
		{about: "Packer's JSON", path: "packer/x.json", text: `{"provisioners":[{"type":"shell","inline":["git clone https://github.com/o/a"]}]}`, want: []string{"1 https://github.com/o/a - any"}},
		{about: "cloud-init", path: "x/user-data", text: "#cloud-config\nruncmd:\n- git clone https://github.com/o/a\n- [git, clone, -b, dev, 'https://github.com/o/b']\n", want: []string{
			"3 https://github.com/o/a - any", "4 https://github.com/o/b dev any",
		}},
		{about: "no cloud-init", path: "x.yml", text: "runcmd:\n- git clone https://github.com/o/no\n"},
		{about: "Salt", path: "x.sls", text: "a:\n  git.latest:\n  - name: https://github.com/o/a.git\n  - rev: dev\n  - target: /a\nhttps://github.com/o/b:\n  git.cloned:\n  - target: /b\nc:\n  git.latest:\n  - target: /c\n", want: []string{
			"3 https://github.com/o/a.git dev any", "8 https://github.com/o/b - any",
		}},
		{about: "Chef", path: "cookbooks/x/recipes/default.rb", text: `git '/x' do
  repository 'https://github.com/o/a'
  revision 'dev'
end
git "/y" do
  repo "https://github.com/o/#{y}"
end
git '/z' do
  repository 'https://github.com/o/z'
end
`, want: []string{"2 https://github.com/o/a dev any", "9 https://github.com/o/z - any"}, fails: "line 6"},
		{about: "a policy of Chef", path: "Policyfile.rb", text: "cookbook 'x', git: 'https://github.com/o/a.git', branch: 'dev'\n", want: []string{"1 https://github.com/o/a.git dev branch"}},
		{about: "fixtures of Puppet", path: ".fixtures.yml", text: `fixtures:
  forge_modules: {x: 'puppetlabs/x'}
  repositories:
    a: https://github.com/o/a.git
    b: {repo: 'https://github.com/o/b', branch: dev}
    c:
      repo: https://github.com/o/c
      ref: v1
`, want: []string{"4 https://github.com/o/a.git - any", "5 https://github.com/o/b dev branch", "7 https://github.com/o/c v1 any tag-first"}},
	})
}

func TestToolFiles(t *testing.T) { runSamples(t, languages(), toolFilesSamples()) }

func toolFilesSamples() []sample {
	return []sample{
		{about: "Paket", path: "paket.dependencies", text: "source https://x\nnuget X\ngit https://github.com/o/a.git dev\ngithub o/b src/x.fs\ngithub o/c:dev x.fs\n", want: []string{
			"3 https://github.com/o/a.git dev any tag-first", "4 https://github.com/o/b - any", "5 https://github.com/o/c dev any tag-first",
		}},
		{about: "XcodeGen", path: "project.yml", text: "name: x\npackages:\n  A: {url: 'https://github.com/o/a', branch: dev}\n  B: {github: o/b, revision: dev}\n  C: {url: 'https://github.com/o/c', from: 1.0.0}\n", want: []string{
			"3 https://github.com/o/a dev branch", "4 https://github.com/o/b dev any tag-first",
		}},
		{about: "Mint", path: "Mintfile", text: "o/a@dev # x\no/b\n", want: []string{"1 https://github.com/o/a dev any tag-first"}},
		{about: "Conan", path: "conanfile.py", text: "class X:\n    def source(self):\n        git.clone(url=\"https://github.com/o/a.git\")\n        self.run(\"git clone -b dev https://github.com/o/b\")\n", want: []string{
			"3 https://github.com/o/a.git - any", "4 https://github.com/o/b dev any",
		}},
		{about: "Conan, pinned", path: "conanfile.py", text: "git.clone('https://github.com/o/no')\ngit.checkout(self.commit)\n"},
	}
}
