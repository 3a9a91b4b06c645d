package detect

import (
	"strings"
	"testing"
)

func TestBuildout(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "Odoo", path: "buildout.cfg", text: `[buildout]
parts = odoo
extensions = gp.vcsdevelop
github = https://github.com/o
vcs-extend-develop =
    git+https://github.com/anybox/anybox.recipe.odoo@a.r.openerp-1.9#egg=a.r.openerp
#   git+https://github.com/o/old@master#egg=old
    git+${buildout:github}/develop.git#egg=develop ; a comment
    hg+https://hg.example.test/x@8.0#egg=x
    bzr+http://bazaar.launchpad.net/openerp@419#egg=y
vcs-update = True
develop = .

[odoo]
recipe = anybox.recipe.odoo:server
version = git https://github.com/odoo/odoo.git odoo 10.0 depth=1
addons = local addons
         git https://github.com/OCA/web.git oca/web 10.0 group=oca
         git git@git.example.test:o/pinned.git pinned 10.0
         # git https://github.com/OCA/old.git old 10.0
         hg ssh://hg@hg.example.test/report report odoo8
         bzr lp:x x last:1
merges = git origin oca/web refs/pull/12/head
    git https://github.com/o/odoo.git odoo 10.0-fix
revisions = pinned ` + hash + `
options.addons = git x y z

[other]
addons +=
    git ${:base}/x.git x main
base = https://git.example.test
[versions]
addons = 1.0
`, want: []string{
			"6 https://github.com/anybox/anybox.recipe.odoo a.r.openerp-1.9 any",
			"8 https://github.com/o/develop.git - any",
			"9 https://hg.example.test/x 8.0 any hg",
			"16 https://github.com/odoo/odoo.git 10.0 any",
			"18 https://github.com/OCA/web.git 10.0 any",
			"19 git@git.example.test:o/pinned.git " + hash + " commit tag-first",
			"21 ssh://hg@hg.example.test/report odoo8 any hg",
			"23 https://github.com/OCA/web.git refs/pull/12/head any",
			"24 https://github.com/o/odoo.git 10.0-fix any",
			"30 https://git.example.test/x.git main any",
		}},
		{about: "extended", path: "prod/buildout.cfg", text: `[buildout]
extends =
    ../base.cfg
    https://raw.githubusercontent.com/o/r/master/x.cfg
[odoo]
revisions =
    odoo ` + hash + `
    oca/web 10.0-prod
addons +=
    git ${remotes:ours}/more.git more live
`, beside: map[string]string{"../base.cfg": "[buildout]\nextends = more/sources.cfg\n[odoo]\nversion = git https://github.com/odoo/odoo.git odoo 10.0\n" +
			"addons = git https://github.com/OCA/web.git oca/web 10.0\n  git https://github.com/OCA/same.git same 10.0\n",
			"../more/sources.cfg": "[remotes]\nours = git@git.example.test:ours\n"},
			want: []string{
				"4 https://github.com/o/r master any",
				"7 https://github.com/odoo/odoo.git " + hash + " commit tag-first",
				"8 https://github.com/OCA/web.git 10.0-prod any tag-first",
				"10 git@git.example.test:ours/more.git live any",
			}},
		{about: "mr.developer", path: "sources.cfg", text: `[remotes]
plone = https://github.com/plone
plone_push = git@github.com:plone

[sources]
Plone                = git ${remotes:plone}/Plone.git pushurl=${remotes:plone_push}/Plone.git branch=6.0.x
docs = git ${remotes:plone}/documentation.git egg=false
pinned = git https://github.com/o/pinned.git rev=v1.0 branch=master
local = fs x
merc =
    hg https://hg.example.test/m branch=stable ; branch=old
sub = svn https://svn.example.test/x
computed = git ${nowhere:x}/y.git
[buildout]
auto-checkout = *
`, want: []string{
			"6 https://github.com/plone/Plone.git 6.0.x branch",
			"7 https://github.com/plone/documentation.git - any",
			"8 https://github.com/o/pinned.git v1.0 any tag-first",
			"11 https://hg.example.test/m stable any hg",
		}, fails: "line 13: the address is computed"},
		{about: "sources that nobody asks for here", path: "sources.cfg", text: "[sources]\nshop = git https://git.example.test/shop.git branch=live\n"},
		{about: "a part of the usual one", path: "base.cfg", text: "[buildout]\nauto-checkout = *\n[sources]\nshop = git https://git.example.test/shop.git\n",
			beside: map[string]string{"buildout.cfg": "[buildout]\nextends =\n    base.cfg\nauto-checkout = theme\n"}},
		{about: "a part of no usual one", path: "base.cfg", text: "[buildout]\nauto-checkout = *\n[sources]\nshop = git https://git.example.test/shop.git\n",
			beside: map[string]string{"buildout.cfg": "[buildout]\nextends = sources.cfg\n"}, want: []string{"4 https://git.example.test/shop.git - any"}},
		{about: "what is checked out of them", path: "trials/new.cfg", text: `[buildout]
extends = ../all.cfg
auto-checkout +=
    ${more:theme}
    Shop
auto-checkout -= skin
[more]
theme =
    shop.theme
    ${:theme}
[sources]
Shop = git ${hosts:ours}/Shop.git branch=trial
`, beside: map[string]string{
			"../all.cfg":    "[buildout]\nextends =\n    list.cfg\n    chosen.cfg\nextensions = mr.developer\n",
			"../chosen.cfg": "[buildout]\nauto-checkout =\n# a comment\n    handbook\n    skin\n    Shop\n",
			"../list.cfg": "[hosts]\nours = https://git.example.test\n[sources]\n" +
				"handbook = git ${hosts:ours}/handbook.git egg=false branch=2.0\nskin = git ${hosts:ours}/skin.git\n" +
				"Shop = git ${hosts:ours}/Shop.git branch=live\nshop.theme = git ${hosts:ours}/theme.git branch=main\n" +
				"other = git https://git.example.test/other.git branch=live\n",
		}, want: []string{
			"4 https://git.example.test/handbook.git 2.0 branch",
			"7 https://git.example.test/theme.git main branch",
			"12 https://git.example.test/Shop.git trial branch",
		}},
		{about: "no buildout", path: "setup.cfg", text: "[metadata]\nversion = git x y z\n"},
	})
}

// Lists that are made of each other many times over.
func TestBuildoutListsAreBounded(t *testing.T) {
	many := strings.Repeat("    ${more:x}\n", 20_000)
	text := "[buildout]\nauto-checkout =\n" + many + "[more]\nx =\n" + many + strings.Repeat("x += y\n", 20_000)
	bounded(t, func() {
		if _, err := buildout().Find(File{Path: "buildout.cfg", Text: []byte(text)}); err != nil {
			t.Error(err)
		}
	}, "lists")
}

func TestUsualBuildout(t *testing.T) {
	runSamples(t, []Detector{buildout()}, []sample{
		{about: "what a part needs stands in the buildout that is taken by itself", path: "more.cfg", beside: map[string]string{
			"buildout.cfg": "[buildout]\nextends = base.cfg\n",
			"base.cfg":     "[remotes]\nours = https://git.example.test/o\n",
		}, text: `[buildout]
auto-checkout += pkg

[sources]
pkg = git ${remotes:ours}/pkg.git branch=main
`, want: []string{"5 https://git.example.test/o/pkg.git main branch"}},
	})
}
