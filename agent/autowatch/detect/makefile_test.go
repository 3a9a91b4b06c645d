package detect

import (
	"fmt"
	"strings"
	"testing"
)

func TestMakeVariables(t *testing.T) {
	m := readMakefile("Makefile", `# a comment
A = $(B)/x # behind
B := o
C ?= main
C ?= no
D := $(LATER)
LATER = 1
E += a
E += \
  b
export override F=f$$x
G := $(shell git describe)
ifeq ($(OS),x)
H = first
else
H = second
endif
LOOP = $(LOOP)
I = ${A:x=y} $(strip a) $(
define get
git clone -b $(2) $(1)
endef
target: J := j
include sub/more.mk $(NONE).mk
`, func(name string) string {
		return map[string]string{"sub/more.mk": "K = k\ninclude sub/more.mk\n"}[name]
	})
	for text, want := range map[string]string{
		"$(A) ${A}":           "o/x o/x",
		"$(C)$(D).":           "main" + unknownMake + ".",
		"$(E)|$F":             "a b|f$x",
		"$$HOME $$":           "$HOME $",
		"$(G) $(H)":           unknownMake + " first",
		"$(LOOP)$(I)":         unknownMake + strings.Repeat(unknownMake+" ", 2) + unknownMake,
		"$(call get,o/a,dev)": "git clone -b dev o/a",
		"$(call $(X),1)":      unknownMake,
		"$(J)$(K)":            unknownMake + "k",
		"100$":                "100$",
	} {
		if got := m.expand(text, nil); got != want {
			t.Errorf("%s becomes %q, want %q", text, got, want)
		}
	}
}

func TestMakefiles(t *testing.T) {
	files := map[string]string{
		"Makefile": `ORG ?= https://github.com/o
BRANCH ?= main
TOOL = .tools/t
REPOS := x y

all: $(TOOL)

$(TOOL): | dirs
	@git clone -b $(BRANCH) $(ORG)/tool $@
	cd $@ && $(MAKE) install

dirs: ; git clone $(ORG)/dirs

.PHONY: deps
deps:
	-for r in $(REPOS); do \
	  git clone $(ORG)/$$r; \
	done
	cd sub && $(MAKE) BRANCH=next
	$(MAKE) -C sub other

get-%:
	git clone $(ORG)/$*

lint: ORG = https://github.com/lint
lint:
	git clone $(ORG)/a
	pip install git+$(ORG)/b@$(BRANCH)
	go install github.com/$(WHO)/c@main

uncalled:
	git clone $(ORG)/no

push:
	git clone $(ORG)/site && cd site && git push

define clone
@echo "$(1)"
git clone -b $(2) $(ORG)/$(1)
endef

called:
	$(call clone,a,dev)
	./get.sh o/script
`,
		"sub/Makefile":  "BRANCH ?= no\nsubs:\n\tgit clone -b $(BRANCH) https://github.com/o/sub\nother:\n\tgit clone https://github.com/o/other\n",
		"build/more.mk": "more:\n\tgit clone https://github.com/o/more\n",
		"get.sh":        "git clone https://github.com/$1\n",
	}
	for script, want := range map[string]string{
		"make":                "o/dirs, o/tool main",
		"BRANCH=dev make all": "o/dirs, o/tool dev",
		"make -j4 BRANCH=dev ORG=https://h .tools/t >log":       "https://h/dirs, https://h/tool dev",
		"sudo -E make -s deps":                                  "o/x, o/y, o/sub next, o/other",
		"make get-a get-b nothing":                              "o/a, o/b",
		"make lint":                                             "lint/a, lint/b main",
		"make lint WHO=w":                                       "lint/a, lint/b main, w/c main",
		"make push; echo make uncalled":                         "",
		"apt-get install make uncalled":                         "",
		"make called":                                           "o/a dev, o/script",
		"cd sub; make other":                                    "o/other",
		"make -C sub other":                                     "o/other",
		"make -Csub other; make -f build/more.mk":               "o/more, o/other",
		"git clone https://github.com/o/z; cd z; make uncalled": "o/z",
		"cd $WHERE && make uncalled":                            "",
	} {
		t.Run(script, func(t *testing.T) {
			got := strings.Split(mentionsOf(t, script, files), ", ")
			for _, w := range strings.Split(want, ", ") {
				if !strings.Contains(", "+strings.Join(got, ", ")+", ", ", "+w+", ") {
					t.Errorf("%s is missing in %s", w, got)
				}
			}
			if len(got) != len(strings.Split(want, ", ")) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
	found, err := pipelineScripts().Find(File{Path: ".travis.yml", Text: []byte("script: make lint"), Read: besideIn(files)})
	if err != nil || len(found) != 2 || found[0].File != "Makefile" || found[0].Line != 27 {
		t.Errorf("got %+v, %v, which is not where it stands", found, err)
	}
}

func TestTopMakefile(t *testing.T) {
	runSamples(t, []Detector{makefiles()}, []sample{{about: "at the top", path: "Makefile", beside: map[string]string{
		"sub/Makefile": "all:\n\tgit clone https://github.com/o/sub\n",
		"ci/get.sh":    "git clone https://github.com/o/$1\n",
	}, text: `main: file.txt sub
	git clone https://github.com/o/a
file.txt:
	wget https://raw.githubusercontent.com/o/b/main/x
sub:
	$(MAKE) -C sub
tools: .bin/tool
	ci/get.sh c
	wget https://raw.githubusercontent.com/o/no/main/x
	buf breaking --against 'https://github.com/o/d.git#branch=main'
.bin/tool:
	pip install git+https://github.com/o/e
.bin/other:
	git clone https://github.com/o/no
upgrade asan:
	git clone https://github.com/o/no
grpc.protoc:
	dir=$$(mktemp -d); git clone https://github.com/o/f $$dir
`, want: []string{
		"1 https://github.com/o/c - any",
		"2 https://github.com/o/sub - any",
		"2 https://github.com/o/a - any",
		"4 https://github.com/o/b main any",
		"10 https://github.com/o/d.git main branch",
		"12 https://github.com/o/e - any",
		"18 https://github.com/o/f - any",
	}}})
	runSamples(t, []Detector{makefiles()}, []sample{{about: "files that targets take in, one for each place", path: "Makefile", beside: map[string]string{
		"config/live.sh": "MODULES=stable\nexport OTHER=1\n", "config/test.sh": "MODULES=main\n", "config/none.sh": "",
	}, text: `live:
	$(eval include config/live.sh)
test:
	@$(eval include config/test.sh)
none:
	$(eval include config/none.sh)
	$(eval include /etc/x.sh)
modules:
	git clone --branch ${MODULES} https://git.example.test/o/modules.git vendor
`, want: []string{"9 https://git.example.test/o/modules.git stable any", "9 https://git.example.test/o/modules.git main any"}}})
	if makefiles().Wants("sub/Makefile") {
		t.Error("one that is not at the top is wanted")
	}
}

func TestTopScripts(t *testing.T) {
	runSamples(t, []Detector{topScripts()}, []sample{{about: "at the top", path: "build.sh", beside: map[string]string{"sub/x.sh": "git clone https://github.com/o/b\n"}, text: `#!/bin/sh
REPO="${4:-${REPO:-o/a}}"
git clone "https://github.com/$REPO" -b "${5:-main}" a
wget https://raw.githubusercontent.com/o/no/main/x
sub/x.sh
`, want: []string{"1 https://github.com/o/b - any", "3 https://github.com/o/a main any"}}})
	runSamples(t, []Detector{topScripts()}, []sample{
		{about: "without an extension", path: "tasks", text: "#!/usr/bin/env bash\nfunction vpn {\n  git clone https://github.com/o/a.git\n}\ncase $1 in vpn) vpn;; esac\n",
			want: []string{"3 https://github.com/o/a.git - any"}},
		{about: "something else", path: "NOTES", text: "git clone https://github.com/o/no.git\n"},
		{about: "of another language", path: "run", text: "#!/usr/bin/env python3\n# git clone https://github.com/o/no.git\n"},
	})
	for _, name := range []string{"sub/build.sh", "release.sh", "update-data.sh", "sub/build", "release", "build.py"} {
		if topScripts().Wants(name) {
			t.Errorf("%s is wanted", name)
		}
	}
}

func TestMakefilesAreBounded(t *testing.T) {
	var bomb, targets strings.Builder
	bomb.WriteString("A0 = \n")
	for i := range 60 {
		fmt.Fprintf(&bomb, "A%d = $(A%d)$(A%d)$(A%d)\n", i+1, i, i, i)
	}
	bomb.WriteString("all: ; git clone $(A60)\nB0 = xx\n")
	for i := range 60 {
		fmt.Fprintf(&bomb, "B%d := $(B%d)$(B%d)\n", i+1, i, i)
	}
	for i := range 3 * maxMakeTargets {
		fmt.Fprintf(&targets, "t%d: t%d t%d\n\tgit clone https://github.com/o/t%d\n\tmake t%d\n", i, i+1, i+2, i, i)
	}
	for about, text := range map[string]string{"variables": bomb.String(), "targets": targets.String(), "itself": "all: all\n\tmake all X=$(X)x\n"} {
		s := newSheet(File{Path: ".travis.yml", Read: besideIn(map[string]string{"Makefile": text})})
		sh := newShell(s, nil, newScriptCalls(s, "."))
		sh.script([]*node{{shape: isText, text: "make\nmake\n"}})
		if n := len(sh.calls.ran); n > maxMakeTargets || len(s.mentions) > n || sh.calls.makefiles["Makefile"].uses > maxMakeUses+maxMakeUses {
			t.Errorf("%s: %d targets, %d mentions, %d uses", about, n, len(s.mentions), sh.calls.makefiles["Makefile"].uses)
		}
	}
}

func FuzzMakefile(f *testing.F) {
	for _, seed := range []string{
		"A := $(B)\nall: a ; git clone $(A) $@\n\t@x \\\n y\n", "define x\n$(1)\nendef\na%b: ; $(call x,$*)\n", "ifeq (a,b)\nelse\nendif\ninclude Makefile\n",
		"x: Y ?= ${Z\nx:: y | z\n\tfor a in $$b; do make -C . $$a; done\n", "$(", "a\\\n", "=\n:\n:=\n\t\n", "X = $(X)$(X)\n\n$(X): $(X)\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := newSheet(File{Path: ".travis.yml", Read: func(string) ([]byte, error) { return []byte(text), nil }})
		sh := newShell(s, map[string]string{"E": "e"}, newScriptCalls(s, "."))
		sh.script([]*node{{shape: isText, text: "make\nmake x E=1\n" + text}})
		for _, m := range s.mentions {
			if m.Line < 1 || m.URL == "" || m.File == "" || isComputed(m.URL) {
				t.Errorf("made %+v", m)
			}
		}
	})
}
