package detect

import "testing"

func TestBeam(t *testing.T) { runSamples(t, languages(), beamSamples()) }

func beamSamples() []sample {
	return []sample{
		{
			about: "mix.exs", path: "apps/web/mix.exs",
			text: `defmodule Web.MixProject do
  use Mix.Project
  @source_url "https://github.com/acme/web"
  @edge "edge"

  def project do
    [app: :web, deps: deps(), package: [links: %{"GitHub" => @source_url, git: "https://github.com/acme/no"}]]
  end

  @doc """
  {:no, git: "https://github.com/acme/no"}
  """
  defp deps do
    [
      {:phoenix, "~> 1.7"},
      {:one, git: "https://github.com/acme/one.git", branch: "main"},
      # {:two, github: "acme/two"},
      {:three, "~> 1.0", github: "acme/three", override: true},
      {:four,
       git: "git@github.com:acme/four.git",
       ref: "0123abc",
       only: [:dev, :test]},
      {:five, [github: "acme/five", tag: "v1"]},
      {:six, github: "acme/six", branch: @edge},
      {:seven, github: "acme/seven", branch: System.get_env("X")},
      {:eight, path: "../eight"},
      {:nine, "~> 1.0", nine_opts()}
    ]
  end
  defp nine_opts, do: if(local?(), do: [path: "../nine"], else: [github: "acme/nine", depth: 1])
end
`,
			want: []string{
				"16 https://github.com/acme/one.git main branch",
				"18 https://github.com/acme/three - any",
				"20 git@github.com:acme/four.git 0123abc commit",
				"23 https://github.com/acme/five v1 tag",
				"24 https://github.com/acme/six edge branch",
				"30 https://github.com/acme/nine - any",
			},
			fails: "line 25",
		},
		{
			about: "of a dependency that was fetched", path: "web/deps/x/mix.exs", beside: map[string]string{"../../mix.exs": "defmodule X do"},
			text: "[{:one, github: \"acme/one\"}]", want: nil,
		},
		{
			about: "of a directory with that name", path: "web/deps/x/mix.exs",
			text: "[{:one, github: \"acme/one\"}]", want: []string{"1 https://github.com/acme/one - any"},
		},
		{
			about: "mix.lock", path: "mix.lock",
			text: `%{
  "bandit": {:hex, :bandit, "1.0", "x", [:mix], [{:hpax, "~> 0.1", [hex: :hpax]}], "hexpm", "y"},
  "one": {:git, "https://github.com/acme/one.git", "` + hash + `", [branch: "main"]},
  "two": {:git, "https://github.com/acme/two.git", "` + hash + `", []},
  "three": {:git, "https://github.com/acme/three.git", "` + hash + `", [tag: "v1", sparse: "x"]},
  "four": {:git, "https://github.com/acme/four.git", "` + hash + `", [ref: "` + hash + `"]},
}
`,
			want: []string{
				"3 https://github.com/acme/one.git main branch",
				"4 https://github.com/acme/two.git - any",
				"5 https://github.com/acme/three.git v1 tag",
				"6 https://github.com/acme/four.git " + hash + " commit",
			},
		},
		{
			about: "rebar.config", path: "rebar.config",
			text: `%% -*- erlang -*-
{erl_opts, [debug_info]}.
{deps, [
  {cowboy, "2.9.0"},
  {one, ".*", {git, "https://github.com/acme/one.git", {branch, "main"}}},
  % {two, {git, "https://github.com/acme/two.git"}},
  {three, {git, "https://github.com/acme/three.git", {tag, "1.0"}}},
  {four, {git, "git://github.com/acme/four.git", {ref, "` + hash + `"}}},
  {five, {git_subdir, "https://github.com/acme/five.git", {branch, "x"}, "apps/five"}},
  {six, {git, "https://github.com/acme/six.git"}},
  {seven, ".*", {git, "https://github.com/acme/seven.git", "dev"}}
]}.
`,
			want: []string{
				"5 https://github.com/acme/one.git main branch",
				"7 https://github.com/acme/three.git 1.0 tag",
				"8 git://github.com/acme/four.git " + hash + " commit",
				"9 https://github.com/acme/five.git x branch",
				"10 https://github.com/acme/six.git - any",
				"11 https://github.com/acme/seven.git dev any tag-first",
			},
		},
	}
}
