package autowatch

import (
	"errors"
	"strings"
	"testing"

	"github.com/wright-build/wright/agent/autowatch/detect"
	"github.com/wright-build/wright/manifests"
)

const (
	c1 = "1111111111111111111111111111111111111111"
	c2 = "2222222222222222222222222222222222222222"
	c3 = "3333333333333333333333333333333333333333"
)

// remote is a remote with the usual things.
func remote() *answer {
	return &answer{head: "refs/heads/main", refs: map[string]string{
		"HEAD": c1, "refs/heads/main": c1, "refs/heads/also": c1, "refs/heads/next": c2, "refs/heads/both": c3, "refs/heads/abcdef01": c2, "refs/heads/2": c2, "refs/heads/rpm/next": c2,
		"refs/tags/both": c3, "refs/tags/v1": c3, "refs/tags/rel/1.0": c3, "refs/tags/v2": "4" + c1[1:], "refs/tags/v2^{}": c2,
	}}
}

func TestDecide(t *testing.T) {
	tests := []struct {
		name         string
		lead         lead
		known        verdict
		unasked, not string // the refs that are watched before asking, and when it could not be asked
	}{
		{"nothing named", lead{}, verdict{ref: "HEAD", revision: c1}, "HEAD", "HEAD"},
		{"HEAD", lead{name: "HEAD"}, verdict{ref: "HEAD", revision: c1}, "HEAD", "HEAD"},
		{"a branch", lead{name: "next"}, verdict{ref: "refs/heads/next", revision: c2}, "", "refs/heads/next"},
		{"a branch of two words", lead{name: "rpm", more: "next/dir/a.txt"}, verdict{ref: "refs/heads/rpm/next", revision: c2}, "", "refs/heads/rpm"},
		{"a branch, then a directory", lead{name: "next", more: "next/a.txt"}, verdict{ref: "refs/heads/next", revision: c2}, "", "refs/heads/next"},
		{"a tag of two words", lead{name: "rel", more: "1.0/a.txt"}, verdict{}, "", "refs/heads/rel"},
		{"a file as the remote's branch", lead{name: "rpm", more: "next"}, verdict{warning: "has no branch or tag rpm: not watched"}, "", "refs/heads/rpm"},
		{"a tag", lead{name: "v1"}, verdict{}, "", ""},
		{"both", lead{name: "both"}, verdict{ref: "refs/heads/both", revision: c3}, "", "refs/heads/both"},
		{"both, tag first", lead{name: "both", tagFirst: true}, verdict{}, "", "refs/heads/both"},
		{"branch, tag first", lead{name: "next", tagFirst: true}, verdict{ref: "refs/heads/next", revision: c2}, "", "refs/heads/next"},
		{"a branch that looks like a commit", lead{name: "abcdef01"}, verdict{ref: "refs/heads/abcdef01", revision: c2}, "", ""},
		{"a commit", lead{name: c3}, verdict{}, "", ""},
		{"a short commit", lead{name: "3333333"}, verdict{}, "", ""},
		{"nothing of the name", lead{name: "none"}, verdict{warning: "has no branch or tag none: not watched"}, "", "refs/heads/none"},
		{"origin/next", lead{name: "origin/next"}, verdict{ref: "refs/heads/next", revision: c2}, "", "refs/heads/next"},
		{"heads/next", lead{name: "heads/next"}, verdict{ref: "refs/heads/next", revision: c2}, "refs/heads/next", "refs/heads/next"},
		{"tags/v1", lead{name: "tags/v1"}, verdict{}, "", ""},
		{"full branch", lead{name: "refs/heads/next"}, verdict{ref: "refs/heads/next", revision: c2}, "refs/heads/next", "refs/heads/next"},
		{"full branch, missing", lead{name: "refs/heads/none"}, verdict{ref: "refs/heads/none", warning: "has no refs/heads/none"}, "refs/heads/none", "refs/heads/none"},
		{"full tag", lead{name: "refs/tags/v1"}, verdict{}, "", ""},
		{"a change", lead{name: "refs/changes/1/2/3"}, verdict{ref: "refs/changes/1/2/3"}, "refs/changes/1/2/3", "refs/changes/1/2/3"},
		{"a pull request", lead{name: "pull/7/head"}, verdict{ref: "refs/pull/7/head"}, "refs/pull/7/head", "refs/pull/7/head"},
		{"called a branch", lead{name: "next", kind: detect.Branch}, verdict{ref: "refs/heads/next", revision: c2}, "refs/heads/next", "refs/heads/next"},
		{"called a branch, none named", lead{kind: detect.Branch}, verdict{ref: "HEAD", revision: c1}, "HEAD", "HEAD"},
		{"called a branch, is both", lead{name: "both", kind: detect.Branch, tagFirst: true}, verdict{ref: "refs/heads/both", revision: c3}, "refs/heads/both", "refs/heads/both"},
		{"called a branch, is a tag", lead{name: "v1", kind: detect.Branch}, verdict{warning: "has no branch v1: taken for the tag"}, "refs/heads/v1", "refs/heads/v1"},
		{"called a branch, is a commit", lead{name: "3333333", kind: detect.Branch}, verdict{warning: "has no branch 3333333: taken for a commit"}, "refs/heads/3333333", "refs/heads/3333333"},
		{"called a branch, is gone", lead{name: "gone", kind: detect.Branch}, verdict{ref: "refs/heads/gone", warning: "has no branch gone"}, "refs/heads/gone", "refs/heads/gone"},
		{"called 2.x, is 2", lead{name: "2.x", kind: detect.Branch}, verdict{ref: "refs/heads/2", revision: c2}, "refs/heads/2.x", "refs/heads/2.x"},
		{"most likely there", lead{name: "next", kind: detect.Branch, unsure: true}, verdict{ref: "refs/heads/next", revision: c2}, "", ""},
		{"most likely there, its HEAD", lead{unsure: true}, verdict{ref: "HEAD", revision: c1}, "", ""},
		{"most likely there, what it is", lead{name: "next", unsure: true}, verdict{ref: "refs/heads/next", revision: c2}, "", ""},
		{"most likely there, but is not", lead{name: "gone", kind: detect.Branch, unsure: true},
			verdict{warning: "has no branch gone: not watched; declare where it comes from in $WRIGHT_WATCH_FILE"}, "", ""},
		{"tag", lead{name: "next", kind: detect.Tag}, verdict{}, "", ""},
		{"range", lead{name: "next", kind: detect.Version}, verdict{}, "", ""},
		{"the latest of versions", lead{kind: detect.Latest}, verdict{}, "", "HEAD"},
		{"tip of the main branch", lead{name: c1[:12], kind: detect.Tip}, verdict{ref: "refs/heads/main", revision: c1}, "", ""},
		{"tip that a tag has too", lead{name: c2[:12], kind: detect.Tip}, verdict{}, "", ""},
		{"no tip", lead{name: "555555555555", kind: detect.Tip}, verdict{}, "", ""},
		{"detached at a tip", lead{name: c1, kind: detect.Tip}, verdict{ref: "refs/heads/main", revision: c1}, "", ""},
		{"detached where a branch was", lead{name: strings.Repeat("5", 40), kind: detect.Tip, tracking: []string{"refs/heads/next"}},
			verdict{ref: "refs/heads/next", revision: strings.Repeat("5", 40)}, "", "refs/heads/next"},
		{"detached where a branch was that is gone", lead{name: strings.Repeat("5", 40), kind: detect.Tip, tracking: []string{"refs/heads/gone"}}, verdict{}, "", "refs/heads/gone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.lead.vcs, tt.lead.url = "git", "https://h/p"
			if got := tt.lead.decide(remote()); got != tt.known {
				t.Errorf("asked: %+v, want %+v", got, tt.known)
			}
			if got := tt.lead.decide(nil); got.ref != tt.unasked || got.warning != "" || got.guessed {
				t.Errorf("before asking: %+v, want %q", got, tt.unasked)
			}
			got := tt.lead.decide(&answer{err: errors.New("no route")})
			open := !tt.lead.unsure && tt.lead.kind == detect.Any && tt.lead.full() == "" && !isShort(tt.lead.name) || tt.lead.kind == detect.Latest
			if got.ref != tt.not || got.guessed != open {
				t.Errorf("could not be asked: %+v, want %q", got, tt.not)
			}
		})
	}
}

// What takes the newest version takes HEAD where there is none.
func TestDecideLatest(t *testing.T) {
	a := &answer{refs: map[string]string{"HEAD": c1, "refs/heads/v1": c1, "refs/tags/moved": c2}}
	if got := (lead{vcs: "git", kind: detect.Latest}).decide(a); got != (verdict{ref: "HEAD", revision: c1}) {
		t.Errorf("without a version: %+v", got)
	}
}

func TestDecideMercurial(t *testing.T) {
	a := &answer{head: "refs/heads/default", refs: map[string]string{
		"HEAD": c1, "refs/heads/default": c1, "refs/heads/stable": c2, "refs/bookmarks/feature": c3, "refs/bookmarks/stable": c3,
	}}
	for name, want := range map[string]string{
		"": "HEAD", "tip": "HEAD", "default": "refs/heads/default", "stable": "refs/heads/stable", "feature": "refs/bookmarks/feature", "v1.0": "", c3: "",
	} {
		if got := (lead{vcs: "hg", name: name}).decide(a); got.ref != want || got.revision != a.refs[want] || got.warning != "" {
			t.Errorf("%q: %+v, want %s", name, got, want)
		}
	}
}

// Without a remote to ask, the name has to tell.
func TestGuess(t *testing.T) {
	pinned := strings.Fields(`
		v1 v4 1 1.2 v1.2 1.2.3 v1.2.3 V1.2.3 v1.2.3-rc1 v1.2.3-rc.1 1.2.3rc1 1.2rc1 1.2b2 2.0.0a1 1.2.0.post1 1.2.3.dev4 1.0.0-beta.3+build5 v1.2.3-acme
		1.2.3-SNAPSHOT 2024.1 2024.1.15 24.04.1 release-1.2.3 release_1.2.3 release-v1.2.3 rel-1.2 rel_1_2_3 version-1.2 r23 b123 v.1.2
		open-release/maple.3 open-release/maple.1rc1 release/teak.1 release/1.2.3 tags/nothing
		go1.21.3 jdk-21+35 openssl-3.0.12 OpenSSL_1_1_1w curl-8_4_0 llvmorg-17.0.6 REL_16_1 n6.0 boost-1.83.0 asio-1-28-0 V_9_8_P1 android-13.0.0_r1
		pkg@1.2.3 @scope/pkg@1.2.0 pkg/v1.2.3 sub/dir/v2.0.1 debian/1.2-3 upstream/1.2 nightly-2023-01-01 2023-10-01 release-2024-01-05-10.30 release-2023-11-01
		20231001 deadbeef 3.9.0 23.1.0 v0.1.0-alpha v3.5.0-Final yocto-4.0 2.4-final`)
	live := strings.Fields(`
		main master develop dev trunk default next stable latest nightly edge HEAD gh-pages humble rolling kirkstone ros2 python3 feature/x feature/1.2.3
		fix/1.2 hotfix/1.2.1 users/ann/v2.0.0 1.x v2.x 1.2.x 2.1.x-dev 8.x-1.x 4.19.y linux-4.19.y stable/2024.1 stable-2.9 2.9-stable 20.03-stable release-1.28
		release/1.2 release/v1 releases/v1 release/17.x release/teak open-release/maple.master stable/4.2.x nixos-23.11 nixos-unstable nixpkgs-unstable
		release-23.11 lineage-20.0 REL_16_STABLE OpenSSL_1_1_1-stable REL1_39 MOODLE_401_STABLE branch-3.5 maint-1.2 v5.0-branch humble-devel
		release-branch.go1.21 saas-13.1 issue-123 qt5 llvm-17 gcc-13 abc dependabot/npm/x-1.2.3 12.0-fix-something master-v2`)
	for _, name := range pinned {
		if got := (lead{vcs: "git", url: "https://h/p", name: name}).decide(&answer{err: errors.New("x")}); got.ref != "" {
			t.Errorf("%s is live", name)
		}
	}
	for _, name := range live {
		if got := (lead{vcs: "git", url: "https://h/p", name: name}).decide(&answer{err: errors.New("x")}); got.ref == "" {
			t.Errorf("%s is pinned", name)
		}
	}
	for _, tt := range []struct {
		url, from, name string
		live            bool
	}{
		{"https://github.com/OCA/web", "x:1", "16.0", true},
		{"git@github.com:OCA/web", "x:1", "16.0", true},
		{"https://github.com/acme/addons", "dev/buildout.cfg:3", "16.0", true},
		{"https://github.com/acme/addons", "repos.yaml:3", "8.0", true},
		{"https://github.com/acme/addons", "requirements.txt:3", "16.0", false},
		{"https://github.com/OCA/web", "x:1", "16.0.1", false},
		{"https://github.com/OCA/web", "x:1", "99.0", false},
	} {
		got := lead{vcs: "git", url: tt.url, from: tt.from, name: tt.name}.decide(&answer{err: errors.New("x")})
		if (got.ref != "") != tt.live {
			t.Errorf("%+v: %+v", tt, got)
		}
	}
}

// Whatever is named and whatever a remote says, what is watched is fit for a
// watch file, is never a tag, and is what the remote has where it has been asked.
func FuzzDecide(f *testing.F) {
	f.Add("git", "main", 0, false, "refs/heads/main", c1, "refs/heads/main", "vendor/x.toml", 3)
	f.Add("hg", "v1.2.3", 1, true, "refs/bookmarks/x", c2, "", strings.Repeat("ü\n", 300), -1)
	f.Add("git", "-", 0, false, "", "", "", "f", 1)
	f.Add("git", c1[:12], 4, false, "refs/tags/v1^{}", c1, "", "\u202e", 1)
	f.Fuzz(func(t *testing.T, vcs, name string, kind int, tagFirst bool, ref, commit, head, file string, line int) {
		if vcs != "hg" {
			vcs = "git"
		}
		l := lead{vcs: vcs, url: "https://h/p", name: name, kind: detect.Kind(kind), tagFirst: tagFirst, from: place(file, line)}
		found := &Findings{leads: []lead{l}}
		var known, not Answers
		known.Ask(t.Context(), remotes{l.url: {refs: map[string]string{ref: commit}, head: head}}, found.Remotes())
		not.Ask(t.Context(), unreachable{}, found.Remotes())
		for _, answers := range []*Answers{nil, &known, &not} {
			watches, _ := found.Watches(answers)
			for _, w := range watches {
				if strings.HasPrefix(w.Ref, tags) {
					t.Errorf("a tag is watched: %+v", w)
				}
			}
			if _, err := manifests.ParseWatches("auto", manifests.FormatWatches(watches)); err != nil {
				t.Errorf("%+v: %v", watches, err)
			}
		}
	})
}
