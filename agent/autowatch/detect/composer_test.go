package detect

import "testing"

func TestComposer(t *testing.T) { runSamples(t, languages(), composerSamples()) }

func composerSamples() []sample {
	lock := `{
  "packages": [
    {"name": "acme/one", "version": "dev-main",
     "source": {
       "type": "git",
       "url": "https://github.com/acme/one.git",
       "reference": "` + hash + `"
     },
     "dist": {"type": "zip", "url": "https://api.github.com/repos/acme/one/zipball/x"}},
    {"name": "Acme/Two", "version": "2.x-dev", "source": {"type": "git", "url": "git@github.com:acme/two-php.git", "reference": "` + hash + `"}},
    {"name": "acme/pinned", "version": "dev-main", "source": {"type": "git", "url": "https://github.com/acme/pinned", "reference": "` + hash + `"}},
    {"name": "psr/log", "version": "3.0.0", "source": {"type": "git", "url": "https://github.com/php-fig/log.git", "reference": "x"}},
    {"name": "acme/dist", "version": "dev-main", "dist": {"type": "zip"}},
    {"name": "acme/path", "version": "dev-main", "dist": {"type": "path", "url": "../path"}}
  ],
  "packages-dev": [
    {"name": "acme/hg", "version": "dev-default", "source": {"type": "hg", "url": "https://hg.example.test/x", "reference": "1"}}
  ]
}`
	manifest := `{
  "repositories": {
    "a": {"type": "vcs", "url": "https://github.com/acme/three"},
    "b": {"type": "git", "url": "git@git.example.test:php/four.git"},
    "c": {"type": "composer", "url": "https://packages.example.test"},
    "d": {"type": "path", "url": "../x"},
    "e": {"type": "package", "package": {"name": "acme/js", "version": "1.0",
      "source": {"type": "git", "url": "https://github.com/acme/js", "reference": "origin/master"}}}
  },
  "require": {
    "php": ">=8.1",
    "psr/log": "^3.0",
    "acme/one": "dev-main@dev",
    "acme/two": "2.x-dev as 2.1",
    "acme/three": "dev-feature/x || ^1.0",
    "acme/pinned": "dev-main#` + hash + `",
    "acme/js": "1.0",
    "acme/any": "@dev"
  },
  "require-dev": {
    "acme/four": "dev-master",
    "acme/none": "dev-master"
  }
}`
	return []sample{
		{
			about: "composer.json with a lock", path: "composer.json", text: manifest, beside: map[string]string{"composer.lock": lock},
			want: []string{
				"8 https://github.com/acme/js master any tag-first",
				"13 https://github.com/acme/one.git main branch",
				"14 git@github.com:acme/two-php.git 2.x branch",
				"15 https://github.com/acme/three feature/x branch",
				"16 https://github.com/acme/pinned " + hash + " commit",
				"21 git@git.example.test:php/four.git master branch",
			},
			fails: "line 22",
		},
		{
			about: "recipes of Symfony Flex", path: "composer.json",
			text: `{"extra": {"symfony": {"endpoint": [
  "https://api.github.com/repos/acme/recipes/contents/index.json?ref=main",
  "https://api.github.com/repos/acme/usual/contents/index.json",
  "https://raw.githubusercontent.com/acme/flex/dev/index.json",
  "flex://defaults"]}}}`,
			want: []string{"2 https://github.com/acme/recipes main any", "3 https://github.com/acme/usual - any", "4 https://github.com/acme/flex dev any"},
		},
		{
			about: "without a lock", path: "composer.json",
			text: `{"repositories": [{"type": "vcs", "url": "https://github.com/fork/renamed"}, {"packagist.org": false}],
"require": {"acme/lib": "dev-fix as 1.0.0", "psr/log": "3.x-dev"}}`,
			want: []string{
				"2 https://github.com/fork/renamed fix branch",
				"2 https://github.com/fork/renamed 3.x branch",
			},
		},
		{
			about: "where most packages are", path: "composer.json",
			text: `{"require": {"acme/lib": "dev-main", "acme/next": "2.x-dev", "acme/pinned": "dev-main#` + hash + `", "ext-x": "dev-main"},
"require-dev": {"roave/security-advisories": "dev-latest"}}`,
			want: []string{
				"1 https://github.com/acme/lib main branch unsure",
				"1 https://github.com/acme/next 2.x branch unsure",
				"1 https://github.com/acme/pinned " + hash + " commit unsure",
				"2 https://github.com/Roave/SecurityAdvisories latest branch unsure",
			},
			fails: "line 1: the repository of this package is not known",
		},
		{
			about: "another registry", path: "composer.json",
			text:  `{"repositories": [{"type": "composer", "url": "https://packages.example.test"}], "require": {"acme/lib": "dev-main", "acme/pinned": "dev-main#` + hash + `"}}`,
			fails: "line 1: the repository of this package is not known",
		},
		{
			about: "no registry", path: "composer.json",
			text:  `{"repositories": {"packagist.org": false}, "require": {"acme/lib": "dev-main"}}`,
			fails: "line 1: the repository of this package is not known",
		},
		{
			about: "with the lock of the repository around it", path: "packages/core/composer.json", beside: map[string]string{"../../composer.lock": lock},
			text: `{"require": {"acme/one": "dev-main"}}`,
			want: []string{"1 https://github.com/acme/one.git main branch"},
		},
		{
			about: "composer.lock", path: "composer.lock", text: lock, beside: map[string]string{"composer.json": manifest},
			want: []string{
				"6 https://github.com/acme/one.git main branch",
				"10 git@github.com:acme/two-php.git 2.x branch",
				"11 https://github.com/acme/pinned " + hash + " commit",
				"17 https://hg.example.test/x default branch hg",
			},
		},
	}
}
