package detect

import "testing"

func TestBundler(t *testing.T) { runSamples(t, languages(), bundlerSamples()) }

func bundlerSamples() []sample {
	return []sample{
		{
			about: "Gemfile", path: "Gemfile",
			text: `# frozen_string_literal: true
source "https://rubygems.org"
git_source(:github) { |repo| "https://github.com/#{repo}.git" }
git_source(:acme) do |name|
  "https://git.acme.test/#{name}.git"
end
branch = ENV.fetch("BRANCH", "main")
edge = ENV["EDGE"] || '7-1-stable'

gem "rails", github: "rails/rails", branch: branch
gem "arel", github: "rails/arel", branch: edge
gem 'one', '~> 1.0', git: 'https://github.com/acme/one.git' # git: "no"
gem 'two', :git => 'git@github.com:acme/two.git', :ref => '0123abc'
gem "three",
    git: "https://github.com/acme/three",
    tag: "v1.0",
    require: false
gem "four", acme: "team/four"
gem("five", github: "five", branch: "a/b") if RUBY_VERSION > "3"
# gem "no", github: "acme/no"
gem "six", path: "../six"
gem "seven", "1.0", require: %w[a b]
gem "eight", gitlab: "acme/eight", ref: "` + hash + `"
gem "nine", gist: "4815162342"
gem "ten", bitbucket: "acme/ten", submodules: true
gem "eleven", github: "https://github.com/acme/eleven/pull/12"
git "https://github.com/acme/many.git", branch: "stable" do
  gem "many-a"
  gem "many-b"
end
github "acme/more" do
  gem "more"
end
group :test, :development do
  gem "x", {git: "https://github.com/acme/x", branch: "dev"}
end
rails = case ENV["R"]
        when "edge" then { github: "rails/edge" }
        else "~> 7"
        end
gem "rails", rails
gem "w", require: %w[it's]
gem "y", github: "acme/y", branch: "b" if ENV["Y"]
gemspec
`,
			want: []string{
				"10 https://github.com/rails/rails.git main branch",
				"11 https://github.com/rails/arel.git 7-1-stable branch",
				"12 https://github.com/acme/one.git - any",
				"13 git@github.com:acme/two.git 0123abc commit",
				"15 https://github.com/acme/three v1.0 tag",
				"18 https://git.acme.test/team/four.git - any",
				"19 https://github.com/five/five.git a/b branch",
				"23 https://gitlab.com/acme/eight " + hash + " commit",
				"24 https://gist.github.com/4815162342 - any",
				"25 https://bitbucket.org/acme/ten - any",
				"26 https://github.com/acme/eleven refs/pull/12/head any",
				"27 https://github.com/acme/many.git stable branch",
				"31 https://github.com/acme/more.git - any",
				"35 https://github.com/acme/x dev branch",
				"38 https://github.com/rails/edge.git - any",
				"43 https://github.com/acme/y.git b branch",
			},
		},
		{
			about: "without an own source, and computed", path: "gemfiles/rails_edge.gemfile",
			text: `gem "rails", github: "rails/rails", branch: "main"
gem "a", github: "acme/#{name}"
gem "b", git: "https://github.com/acme/b", branch: pick_branch
gem "c", git: "../c"
gem "d", git: "https://#{ENV["TOKEN"]}@github.com/acme/d"
`,
			want:  []string{"1 https://github.com/rails/rails main branch"},
			fails: "line 2",
		},
		{
			about: "methods and variables", path: "Gemfile",
			text: `org = "acme"
def plugin(name)
  unless dependencies.detect { |d| d.name == name }
    gem name, :git => "https://github.com/acme/#{name}", :branch => "master"
  end
end
plugin "one"
plugin "two" # 2
group :x do
  plugin("three")
end
plugin name
gem "y", git: "https://github.com/#{org}/y.git"
`,
			want: []string{
				"7 https://github.com/acme/one master branch",
				"8 https://github.com/acme/two master branch",
				"10 https://github.com/acme/three master branch",
				"13 https://github.com/acme/y.git - any",
			},
		},
		{
			about: "a branch that a file names", path: "gemfiles/Gemfile.edge",
			beside: map[string]string{"maintenance-branch": "3-13-maintenance\n", "many": "a\nb\n"},
			text: `branch = ENV["BRANCH"] || File.read(File.expand_path("../maintenance-branch", __FILE__)).chomp
gem "a", git: "https://github.com/acme/a", branch: branch
gem "b", git: "https://github.com/acme/b", branch: File.read("maintenance-branch").strip
gem "c", git: "https://github.com/acme/c", branch: File.read("many")
gem "d", git: "https://github.com/acme/d", branch: File.read(path)
gem "e", git: "https://github.com/acme/e", branch: File.read("gone")
`,
			want: []string{
				"2 https://github.com/acme/a 3-13-maintenance branch",
				"3 https://github.com/acme/b 3-13-maintenance branch",
			},
			fails: "line 4",
		},
		{
			about: "a source with a login", path: "gems.rb",
			text: `git_source(:github) { |r| "https://#{ENV["TOKEN"]}:x-oauth-basic@github.com/#{r}.git" }
gem "a", github: "acme/a"
`,
			want: []string{"2 https://github.com/acme/a - any"},
		},
		{
			about: "Gemfile.lock", path: "Gemfile.lock",
			text: `GIT
  remote: https://github.com/rails/rails.git
  revision: ` + hash + `
  branch: main
  specs:
    rails (8.0)
      actionpack (= 8.0)

GIT
  remote: git@github.com:acme/two.git
  revision: ` + hash + `
  ref: 0123456
  specs:
    two (1.0)

GIT
  remote: https://github.com/acme/three
  revision: ` + hash + `
  tag: v1.0
  specs:
    three (1.0)

GIT
  remote: https://github.com/acme/four
  revision: ` + hash + `
  submodules: true
  specs:
    four (1.0)

GEM
  remote: https://rubygems.org/
  specs:
    rake (13.0)

DEPENDENCIES
  rails!
`,
			want: []string{
				"2 https://github.com/rails/rails.git main branch",
				"10 git@github.com:acme/two.git 0123456 commit",
				"17 https://github.com/acme/three v1.0 tag",
				"24 https://github.com/acme/four - any",
			},
		},
	}
}

func TestGemfileOfAMatrix(t *testing.T) {
	workflow := `jobs:
  test:
    strategy: {matrix: {rails: [7-1-stable, main, v7.0.0]}}
    env: {RAILS: "${{ matrix.rails }}", OTHER: no, LATER: "${{ inputs.x }}"}
    steps: [{run: bundle, env: {RACK: next}}]
`
	runSamples(t, []Detector{gemfiles()}, []sample{{about: "a matrix", path: "Gemfile", beside: map[string]string{".github/workflows/ci.yml": workflow, ".github/workflows/x.txt": "no"}, text: `rails = ENV['RAILS'] || '7-0-stable'
case rails
when /^v/
  gem 'rails', git: 'https://github.com/rails/rails.git', tag: rails
else
  gem 'rails', git: 'https://github.com/rails/rails.git', branch: rails
end
gem 'rack', github: 'rack/rack', branch: ENV.fetch("RACK", "main")
gem 'late', github: 'o/late', branch: ENV["LATER"]
`, want: []string{
		"4 https://github.com/rails/rails.git 7-0-stable tag",
		"4 https://github.com/rails/rails.git 7-1-stable tag",
		"4 https://github.com/rails/rails.git main tag",
		"6 https://github.com/rails/rails.git 7-0-stable branch",
		"6 https://github.com/rails/rails.git 7-1-stable branch",
		"6 https://github.com/rails/rails.git main branch",
		"8 https://github.com/rack/rack main branch",
		"8 https://github.com/rack/rack next branch",
	}, fails: "line 9"}})
}
