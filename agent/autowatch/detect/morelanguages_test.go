package detect

import "testing"

func TestSwift(t *testing.T) { runSamples(t, languages(), swiftSamples()) }

func swiftSamples() []sample {
	return []sample{
		{
			about: "Package.swift", path: "Package.swift",
			text: `// swift-tools-version:5.9
import PackageDescription
let package = Package(
    name: "shop",
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.0.0"),
        .package(url: "https://github.com/acme/one.git", branch: "main"),
        /* .package(url: "https://github.com/acme/no.git", branch: "main"), */
        .package(name: "two", url: "https://github.com/acme/two", .branch("dev")),
        .package(url: "https://github.com/acme/three", .revision("` + hash + `")), // x
        .package(url: "https://github.com/acme/four", revision: "0123abc"),
        .package(url: "https://github.com/acme/five", .upToNextMajor(from: "1.0.0")),
        .package(path: "../six"),
        .package(url: "https://github.com/acme/seven.git", branch: related),
    ]
)
let related = "main"
`,
			want: []string{
				"7 https://github.com/acme/one.git main branch",
				"9 https://github.com/acme/two dev branch",
				"10 https://github.com/acme/three " + hash + " commit",
				"11 https://github.com/acme/four 0123abc commit",
				"14 https://github.com/acme/seven.git main branch",
			},
		},
		{
			about: "Package.resolved, version 2", path: "x.xcodeproj/Package.resolved",
			text: `{"pins": [
{"identity": "one", "kind": "remoteSourceControl",
 "location": "https://github.com/acme/one.git", "state": {"branch": "main", "revision": "` + hash + `"}},
{"identity": "nio", "location": "https://github.com/apple/swift-nio.git", "state": {"revision": "x", "version": "2.1.0"}}
], "version": 2}`,
			want: []string{"3 https://github.com/acme/one.git main branch"},
		},
		{
			about: "Package.resolved, version 1", path: "Package.resolved",
			text: `{"object": {"pins": [{"repositoryURL": "https://github.com/acme/one",
"state": {"branch": null, "revision": "` + hash + `", "version": null}}]}, "version": 1}`,
			want: []string{"1 https://github.com/acme/one " + hash + " commit"},
		},
	}
}

func TestPub(t *testing.T) { runSamples(t, languages(), pubSamples()) }

func pubSamples() []sample {
	return []sample{
		{
			about: "pubspec.yaml", path: "pubspec.yaml",
			text: `name: shop
dependencies:
  http: ^1.0.0
  one:
    git: https://github.com/acme/one.git
  two:
    git:
      url: git@github.com:acme/two.git
      ref: dev
      path: packages/two
  # three: {git: https://github.com/acme/three}
dev_dependencies:
  four: {git: {url: "https://github.com/acme/four", ref: 1234567}}
dependency_overrides:
`,
			want: []string{
				"5 https://github.com/acme/one.git - any",
				"8 git@github.com:acme/two.git dev any tag-first",
				"13 https://github.com/acme/four 1234567 commit",
			},
		},
		{
			about: "pubspec.lock", path: "pubspec.lock",
			text: `packages:
  one:
    dependency: "direct main"
    description:
      path: "."
      ref: HEAD
      resolved-ref: "` + hash + `"
      url: "https://github.com/acme/one.git"
    source: git
    version: "1.0.0"
  http:
    description: {name: http, url: "https://pub.dev"}
    source: hosted
`,
			want: []string{"8 https://github.com/acme/one.git - any"},
		},
	}
}

func TestJuliaCrystalHaskell(t *testing.T) { runSamples(t, languages(), juliaCrystalHaskellSamples()) }

func juliaCrystalHaskellSamples() []sample {
	return []sample{
		{
			about: "Manifest.toml", path: "Manifest.toml",
			text: `manifest_format = "2.0"
[[deps.One]]
git-tree-sha1 = "` + hash + `"
repo-rev = "main"
repo-url = "https://github.com/acme/One.jl.git"
[[deps.JSON]]
version = "0.21"
`,
			want: []string{"5 https://github.com/acme/One.jl.git main any tag-first"},
		},
		{
			about: "Project.toml", path: "docs/Project.toml",
			text: "[deps]\nOne = \"uuid\"\n[sources]\nOne = {url = \"https://github.com/acme/One.jl\", rev = \"dev\"}\nTwo = {path = \"..\"}\n",
			want: []string{"4 https://github.com/acme/One.jl dev any tag-first"},
		},
		{
			about: "shard.yml", path: "shard.yml",
			text: `dependencies:
  one:
    github: acme/one
    branch: master
  two:
    git: https://git.example.test/two.git
    version: ~> 1.0
  three:
    gitlab: acme/three
    commit: ` + hash + `
`,
			want: []string{
				"3 https://github.com/acme/one master branch",
				"6 https://git.example.test/two.git * version",
				"9 https://gitlab.com/acme/three " + hash + " commit",
			},
		},
		{
			about: "cabal.project", path: "cabal.project",
			text: `packages: .
source-repository-package
  type: git
  location: https://github.com/acme/one
  tag: ` + hash + `
  --sha256: x
source-repository-package
    type:     git
    location: https://github.com/acme/two.git
    tag:      main
    subdir:   x

-- source-repository-package
package x
  flags: y
`,
			want: []string{
				"4 https://github.com/acme/one " + hash + " commit",
				"9 https://github.com/acme/two.git main any tag-first",
			},
		},
	}
}

func TestCMake(t *testing.T) { runSamples(t, languages(), cmakeSamples()) }

func cmakeSamples() []sample {
	return []sample{{
		about: "CMakeLists.txt", path: "third_party/CMakeLists.txt",
		text: `include(FetchContent)
set(TWO_TAG "develop" CACHE STRING "x")
FetchContent_Declare(one
  GIT_REPOSITORY https://github.com/acme/one.git
  GIT_TAG        main # or v1
)
#[[ FetchContent_Declare(no GIT_REPOSITORY https://github.com/acme/no.git
GIT_TAG main) ]]
# FetchContent_Declare(no GIT_REPOSITORY https://github.com/acme/no.git)
ExternalProject_Add(two
  GIT_REPOSITORY "https://github.com/acme/two"
  GIT_TAG ${TWO_TAG}
  GIT_SHALLOW ON
)
FetchContent_Declare(three GIT_REPOSITORY git@github.com:acme/three.git GIT_TAG ` + hash + ` )
FetchContent_Declare(four URL https://github.com/acme/four/archive/main.zip)
ExternalProject_Add(five GIT_REPOSITORY https://github.com/acme/five GIT_TAG origin/dev) ExternalProject_Add(no URL https://github.com/acme/no/archive/main.zip URL_HASH SHA256=00)
ExternalProject_Add(six GIT_REPOSITORY https://github.com/acme/six)
ExternalProject_Add(seven GIT_REPOSITORY ${SEVEN_URL} GIT_TAG main)
CPMAddPackage("gh:acme/eight#trunk")
CPMAddPackage("gh:acme/nine@1.2.3")
CPMAddPackage(NAME ten GITHUB_REPOSITORY acme/ten GIT_TAG main)
`,
		want: []string{
			"4 https://github.com/acme/one.git main any tag-first",
			"11 https://github.com/acme/two develop any tag-first",
			"15 git@github.com:acme/three.git " + hash + " commit",
			"16 https://github.com/acme/four main any",
			"17 https://github.com/acme/five dev any tag-first",
			"18 https://github.com/acme/six master any tag-first",
			"20 https://github.com/acme/eight trunk any tag-first",
			"22 https://github.com/acme/ten main any tag-first",
		},
		fails: "line 19",
	}, {
		about: "what CMake runs and downloads", path: "cmake/Get.cmake",
		beside: map[string]string{"get.sh": "git clone https://github.com/acme/got\n", "../tools/get.sh": "git clone -b $1 https://github.com/acme/told\n"},
		text: `find_package(Git)
file(DOWNLOAD "https://raw.githubusercontent.com/acme/lists/main/list" "${CMAKE_BINARY_DIR}/list")
FILE(DOWNLOAD https://raw.githubusercontent.com/acme/no/main/list list EXPECTED_HASH SHA256=00)
file(DOWNLOAD https://github.com/acme/no/releases/download/v1/x.zip x.zip)
execute_process(
  COMMAND ${GIT_EXECUTABLE} clone --depth 1 -b dev "https://github.com/acme/one.git" one
  WORKING_DIRECTORY ${CMAKE_BINARY_DIR}
  RESULT_VARIABLE RESULT)
execute_process(COMMAND git describe --always)
execute_process(COMMAND ${GIT_EXECUTABLE} clone https://github.com/acme/three)
execute_process(COMMAND ${GIT_EXECUTABLE} clone https://github.com/acme/two COMMAND ${CMAKE_COMMAND} -E echo git clone https://github.com/acme/no)
add_custom_command(OUTPUT x COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/get.sh COMMAND bash "${CMAKE_SOURCE_DIR}/tools/get.sh" trial)
ExternalProject_Add(x DOWNLOAD_COMMAND git clone https://github.com/acme/four . COMMENT "git clone https://github.com/acme/no")
message("git clone https://github.com/acme/no")
`,
		want: []string{
			"1 https://github.com/acme/got - any",
			"1 https://github.com/acme/told trial any",
			"2 https://github.com/acme/lists main any",
			"6 https://github.com/acme/one.git dev any",
			"10 https://github.com/acme/three - any",
			"11 https://github.com/acme/two - any",
			"13 https://github.com/acme/four - any",
		},
	}}
}

func TestApple(t *testing.T) { runSamples(t, languages(), appleSamples()) }

func appleSamples() []sample {
	return []sample{
		{
			about: "Podfile", path: "ios/Podfile",
			text: `platform :ios, '13.0'
target 'Shop' do
  use_frameworks!
  pod 'AFNetworking', '~> 4.0'
  pod 'One', :git => 'https://github.com/acme/one.git', :branch => 'main'
  pod 'Two', :git => 'https://github.com/acme/two.git', :commit => '0123abc'
  pod 'Three', git: 'git@github.com:acme/three.git', tag: '1.0'
  pod 'Four', :path => '../four'
  # pod 'Five', :git => 'https://github.com/acme/five.git'
end
`,
			want: []string{
				"5 https://github.com/acme/one.git main branch",
				"6 https://github.com/acme/two.git 0123abc commit",
				"7 git@github.com:acme/three.git 1.0 tag",
			},
		},
		{
			about: "Podfile.lock", path: "ios/Podfile.lock",
			text: `PODS:
  - One (1.0)
EXTERNAL SOURCES:
  One:
    :branch: main
    :git: https://github.com/acme/one.git
  Four:
    :path: "../four"
CHECKOUT OPTIONS:
  One:
    :commit: ` + hash + `
    :git: https://github.com/acme/one.git
`,
			want: []string{"6 https://github.com/acme/one.git main branch"},
		},
		{
			about: "Cartfile", path: "Cartfile",
			text: `# x
github "acme/one" "main"
github "acme/two" ~> 1.0
git "https://git.example.test/three.git" "dev" # x
github "acme/four"
binary "https://example.test/x.json" "1.0"
`,
			want: []string{
				"2 https://github.com/acme/one main any tag-first",
				"4 https://git.example.test/three.git dev any tag-first",
			},
		},
	}
}

func TestROCaml(t *testing.T) { runSamples(t, languages(), rOCamlSamples()) }

func rOCamlSamples() []sample {
	return []sample{
		{
			about: "DESCRIPTION", path: "DESCRIPTION",
			text: `Package: shop
URL: https://github.com/acme/shop
Remotes: acme/one,
    github::acme/two/sub@dev,
    three=gitlab::acme/three,
    acme/four#12, acme/five@*release,
    git::https://git.example.test/six.git@main,
    bioc::seven, local::../eight
Suggests: a/b
`,
			want: []string{
				"3 https://github.com/acme/one - any",
				"4 https://github.com/acme/two dev any tag-first",
				"5 https://gitlab.com/acme/three - any",
				"6 https://github.com/acme/four refs/pull/12/head any",
				"7 https://git.example.test/six.git main any",
			},
		},
		{
			about: "opam", path: "shop.opam",
			text: `opam-version: "2.0"
dev-repo: "git+https://github.com/acme/shop.git"
depends: [ "ocaml" {>= "4.14"} ]
pin-depends: [
  ["one.dev" "git+https://github.com/acme/one.git#main"]
  [ "two.1.0" "https://example.test/two.tar.gz" ] # ["no" "git+https://github.com/acme/no"]
]
`,
			want: []string{"5 https://github.com/acme/one.git main any tag-first"},
		},
	}
}
