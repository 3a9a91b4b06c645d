package detect

import "testing"

func TestRequirement(t *testing.T) {
	const oR = "https://github.com/o/r"
	tests := []struct{ line, want string }{
		{"", ""},
		{"# git+https://github.com/o/r", ""},
		{"django>=4 # git+https://github.com/o/r", ""},
		{"-r base.txt", ""},
		{"--find-links https://example.test/git+x", ""},
		{"name @ https://github.com/o/r/archive/main.zip", oR + " main any"},
		{"https://github.com/o/r/archive/main.zip#egg=r", oR + " main any"},
		{"https://github.com/o/r/archive/main.zip#sha256=00", ""},
		{"https://example.test/o/r/archive/main.zip", ""},
		{"svn+https://example.test/r", ""},
		{"-e .", ""},
		{"-e .[dev]", ""},
		{"git+https://github.com/o/r", oR + " - any"},
		{"git+https://github.com/o/r.git@main", oR + ".git main any"},
		{"  -e git+https://github.com/o/r.git@main#egg=r", oR + ".git main any"},
		{"--editable=git+https://github.com/o/r.git@main#egg=r", oR + ".git main any"},
		{"-e 'git+https://github.com/o/r@main#egg=r'", oR + " main any"},
		{"git+https://github.com/o/r@feature/x#egg=r[a,b]==1.0&subdirectory=p", oR + " feature/x any"},
		{"git+https://github.com/o/r@refs/pull/1/head", oR + " refs/pull/1/head any"},
		{"name @ git+ssh://git@github.com/o/r.git@dev#subdirectory=p", "ssh://git@github.com/o/r.git dev any"},
		{"name[a,b]@git+https://github.com/o/r@dev ; python_version < '3.9'", oR + " dev any"},
		{"name @ git+https://github.com/o/r ; python_version < '3.9'", oR + " - any"},
		{"git+https://github.com/o/r@x;python_version<'3'", oR + " x any"},
		{"git+https://github.com/o/r@" + hash + "  # for the fix", oR + " " + hash + " commit"},
		{"git+https://github.com/o/r@0123abc", oR + " 0123abc any"},
		{"git+git@github.com:o/r.git@dev", "git@github.com:o/r.git dev any"},
		{"git+ssh://git@github.com:o/r.git@dev", "git@github.com:o/r.git dev any"},
		{"git+ssh://git@github.com/o/r.git", "ssh://git@github.com/o/r.git - any"},
		{"-e git://github.com/o/r.git@x#egg=r", "git://github.com/o/r.git x any"},
		{"git+git://github.com/o/r.git", "git://github.com/o/r.git - any"},
		{"git+https://u:pw@host.test/o/r@x", "https://u:pw@host.test/o/r x any"},
		{"hg+https://hg.example.test/r@stable#egg=r", "https://hg.example.test/r stable any hg"},
		{"hg+ssh://hg@example.test/r", "ssh://hg@example.test/r - any hg"},
		{"\"name @ git+https://github.com/o/r@x\",", oR + " x any"},
	}
	for _, tt := range tests {
		s := newSheet(File{Path: "requirements.txt"})
		s.requirement(1, tt.line)
		got := ""
		for _, m := range s.mentions {
			got += m.short()[len("1 "):]
		}
		if got != tt.want || len(s.errs) > 0 {
			t.Errorf("%q: got %q %v, want %q", tt.line, got, s.errs, tt.want)
		}
	}
}

func TestIsRequirements(t *testing.T) {
	for path, want := range map[string]bool{
		"requirements.txt": true, "requirements-dev.txt": true, "dev-requirements.txt": true, "test_requirements.txt": true,
		"a/constraints.txt": true, "requirements/edx/github.in": true, "requirements/dev.txt": true, "requirements.in": true,
		"requirements.pip": true, "Requirements.txt": true, "reqs/a.txt": true, "github.txt": true, "templates/requirements.txt.j2": true, "odoo/custom/dependencies/pip.txt": true, "docs/pip.txt": false, "requirements.yml.j2": false,
		"requirements.yml": false, "README.txt": false, "docs/notes.txt": false, "requirements/README.md": false, "MANIFEST.in": false,
	} {
		if isRequirements(path) != want {
			t.Errorf("%s: want %v", path, want)
		}
	}
}

func TestPip(t *testing.T) { runSamples(t, languages(), pipSamples()) }

func pipSamples() []sample {
	return []sample{
		{
			about: "requirements.txt", path: "requirements/edx/github.in",
			text: "\xef\xbb\xbf# Comment\r\n-r base.txt\r\ndjango>=4.2\r\n" +
				"-e git+https://github.com/acme/one.git@main#egg=one\r\n" +
				"two @ git+https://github.com/acme/two.git@v1.0 \\\r\n    ; python_version > '3'\r\n" +
				"git+https://${TOKEN}@github.com/acme/three.git@main\r\n" +
				"git+https://github.com/acme/four.git@${BRANCH}#egg=four\r\n" +
				"# -e git+https://github.com/acme/no.git@main \\\r\n" +
				"hg+https://hg.example.test/five@default\r\n",
			want: []string{
				"4 https://github.com/acme/one.git main any",
				"5 https://github.com/acme/two.git v1.0 any",
				"7 https://github.com/acme/three.git main any",
				"10 https://hg.example.test/five default any hg",
			},
			fails: "line 8",
		},
		{
			about: "files of a forge", path: "requirements/constraints.txt",
			text: "-c https://raw.githubusercontent.com/acme/rules/live/all/constraints.txt\n" +
				"    # via -c https://raw.githubusercontent.com/acme/no/live/x.txt\n" +
				"--requirement=https://gitlab.example.test/a/b/-/raw/" + hash + "/requirements.txt # pinned\n" +
				"-r https://example.test/requirements.txt\n-c constraints.txt\n--constraint https://github.com/acme/c/raw/dev/c.txt\n",
			want: []string{
				"1 https://github.com/acme/rules live any",
				"3 https://gitlab.example.test/a/b " + hash + " commit",
				"6 https://github.com/acme/c dev any",
			},
		},
		{
			about: "setup.cfg", path: "setup.cfg",
			text: `[metadata]
url = https://github.com/acme/x
download_url = https://github.com/acme/x/archive/main.zip
[options]
install_requires =
    django>=4
    one @ git+https://github.com/acme/one@main ; python_version > "3"
    # two @ git+https://github.com/acme/two@main
[options.extras_require]
dev = three @ git+https://github.com/acme/three
`,
			want: []string{
				"7 https://github.com/acme/one main any",
				"10 https://github.com/acme/three - any",
			},
		},
		{
			about: "tox.ini", path: "tox.ini",
			text: `[testenv]
deps =
    django42: django>=4.2,<5
    djmain: https://github.com/django/django/archive/main.tar.gz
    {py310,py311}-drf: git+https://github.com/encode/django-rest-framework.git@master
    git+https://github.com/acme/x#egg=x
    git+https://github.com/acme/y.git\#egg=y
    https://github.com/acme/z/archive/refs/heads/next.zip#egg=z
commands = pip install git+https://github.com/acme/command
    figure: pytest --mpl-baseline-path=https://raw.githubusercontent.com/acme/figures/x-main/figures/{envname}/ -v
    # https://raw.githubusercontent.com/acme/no/main/x
    pytest --lib=https://raw.githubusercontent.com/acme/no/{envname}/x --site=https://acme.example.test/raw
`,
			want: []string{
				"4 https://github.com/django/django main any",
				"5 https://github.com/encode/django-rest-framework.git master any",
				"6 https://github.com/acme/x - any",
				"7 https://github.com/acme/y.git - any",
				"8 https://github.com/acme/z next branch",
				"9 https://github.com/acme/command - any",
				"10 https://github.com/acme/figures x-main any",
			},
		},
		{
			about: "TOML of a tool", path: "antsibull-nox.toml",
			text: `[collection_sources]
"acme.one" = "git+https://github.com/acme/one.git,main"
"acme.two" = "git+ssh://git@git.example.test/acme/two@dev"
"acme.galaxy" = "acme.galaxy,main"
[envs.default]
dependencies = ["three @ git+https://github.com/acme/three@x", "four"]
[project]
repository = "git+https://github.com/acme/no"
about = "install it with pip install git+https://github.com/acme/no"
mirror = "https://github.com/acme/no"
`,
			want: []string{
				"2 https://github.com/acme/one.git main any tag-first",
				"3 ssh://git@git.example.test/acme/two dev any",
				"6 https://github.com/acme/three x any",
			},
		},
		{about: "TOML of others", path: "book.toml", text: "[book\ntitle = 1\n"},
		{
			about: "placeholders", path: "requirements.txt",
			text: "-e git+git://git.myproject.org/MyProject#egg=MyProject\n" +
				"a @ git+https://git.example.com/a\nb @ git+ssh://git@example.org:22/b@main\nc @ git+https://notexample.org/c\n",
			want: []string{"4 https://notexample.org/c - any"},
		},
		{
			about: "sessions of Nox", path: "noxfile.py",
			text: "@nox.session\ndef tests(session):\n    session.install('git+https://github.com/acme/one@main', \"-e\", '.')\n    session.install(f\"git+https://github.com/acme/{name}\")\n",
			want: []string{"3 https://github.com/acme/one main any"}, fails: "line 4: the address is computed",
		},
		{
			about: "setup.py", path: "setup.py",
			text: `from setuptools import setup
"""
pip install git+https://github.com/acme/no
"""
setup(
    url="https://github.com/acme/x",
    install_requires=[
        'one @ git+https://github.com/acme/one@main',  # "no @ git+https://github.com/acme/no"
        # 'two @ git+https://github.com/acme/two@main',
        f"three @ git+https://github.com/acme/three@{BRANCH}",
        "four @ git+https://github.com/acme/four@%s" % BRANCH,
        "five @ git+https://github.com/acme/five@{}".format(BRANCH),
    ],
    dependency_links=["git+ssh://git@github.com/acme/six.git@dev#egg=six-1.0", "https://github.com/acme/seven/tarball/dev#egg=seven"],
    download_url="https://github.com/acme/x/archive/main.tar.gz",
    extras_require={"all": ["eight @ https://github.com/acme/eight/archive/main.zip"]},
)
`,
			want: []string{
				"8 https://github.com/acme/one main any",
				"14 ssh://git@github.com/acme/six.git dev any",
				"14 https://github.com/acme/seven dev any",
				"16 https://github.com/acme/eight main any",
			},
			fails: "line 10",
		},
		{
			about: "conda", path: "ci/environment-dev.yml",
			text: `name: dev
channels: [conda-forge]
dependencies:
  - python=3.11
  - pip
  - pip:
    - git+https://github.com/acme/one@main
    - -e git+https://github.com/acme/two#egg=two
`,
			want: []string{
				"7 https://github.com/acme/one main any",
				"8 https://github.com/acme/two - any",
			},
		},
		{
			about: "Pipfile", path: "Pipfile",
			text: `[[source]]
url = "https://pypi.org/simple"
[packages]
requests = "*"
one = {git = "https://github.com/acme/one.git", ref = "main", editable = true}
"two" = {git = "git+ssh://git@github.com/acme/two.git"}
[dev-packages.three]
hg = "https://hg.example.test/three"
ref = "stable"
`,
			want: []string{
				"5 https://github.com/acme/one.git main any",
				"6 ssh://git@github.com/acme/two.git - any",
				"8 https://hg.example.test/three stable any hg",
			},
		},
		{
			about: "Pipfile.lock", path: "Pipfile.lock",
			text: `{"_meta": {"hash": {"sha256": "x"}},
"default": {
  "one": {
    "editable": true,
    "git": "https://github.com/acme/one.git",
    "ref": "` + hash + `"
  },
  "requests": {"version": "==2.0"}
}}`,
			want: []string{"5 https://github.com/acme/one.git " + hash + " commit"},
		},
	}
}
