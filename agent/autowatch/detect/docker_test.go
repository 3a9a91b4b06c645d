package detect

import "testing"

func TestDockerfiles(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "what an image is made of", path: "docker/Dockerfile.prod", text: `# syntax=docker/dockerfile:1
FROM debian:12
ARG BRANCH=main
ARG REPO="https://github.com/openedx/edx-platform.git"
ARG UNKNOWN
ENV VERSION 1.2
ADD https://github.com/o/a.git#live /a
ADD --keep-git-dir=true git@github.com:o/b.git#v1:sub /b
ADD https://example.test/x.tar.gz /x
COPY . /src
RUN apt-get update \
    # a comment
    && git clone --depth 1 -b ${BRANCH} $REPO /p && cd /p \

    && git clone https://github.com/o/c \
    && (git clone --branch=stable --recursive "https://github.com/o/d.git" d; make)
RUN git clone https://github.com/o/e /e && git -C /e checkout -q ` + hash + `
RUN git config --global user.name x && git clone -bdev git://git.example.test/f.git && pip install "g @ git+https://github.com/o/g@next#egg=g" 'git+https://github.com/o/h'
RUN hg clone -r stable https://hg.example.test/i
RUN git clone /local/path && git clone ${UNKNOWN}/x
RUN <<END
set -e
git clone https://github.com/o/j
cd j && git checkout origin/rel
END
# RUN git clone https://github.com/o/old
RUN git clone https://github.com/o/l && cd l && git checkout -b mine origin/theirs && git checkout -- x
RUN git clone -b v$VERSION https://github.com/o/k && echo "git clone https://github.com/o/no"
RUN git clone https://github.com/o/n .
RUN git checkout tags/n/v1.2
FROM alpine
RUN git checkout other
RUN git clone https://github.com/o/m
`, want: []string{
			"7 https://github.com/o/a.git live any",
			"8 git@github.com:o/b.git v1 any",
			"13 https://github.com/openedx/edx-platform.git main any",
			"15 https://github.com/o/c - any",
			"16 https://github.com/o/d.git stable any",
			"17 https://github.com/o/e " + hash + " commit tag-first",
			"18 https://github.com/o/g next any",
			"18 https://github.com/o/h - any",
			"18 git://git.example.test/f.git dev any",
			"19 https://hg.example.test/i stable any hg",
			"23 https://github.com/o/j rel any tag-first",
			"27 https://github.com/o/l theirs any tag-first",
			"28 https://github.com/o/k v1.2 any",
			"29 https://github.com/o/n n/v1.2 tag",
			"33 https://github.com/o/m - any",
		}, fails: "line 20: the address is computed"},
		{about: "in small letters", path: "dockerfile", text: "FROM x\nRUN git clone https://github.com/o/a\n", want: []string{"2 https://github.com/o/a - any"}},
		{about: "archives", path: "Dockerfile", text: `FROM x
ARG NEXT=dev
RUN pip install https://github.com/o/a/archive/master.zip
RUN curl -L https://github.com/o/b/archive/refs/heads/${NEXT}.tar.gz | tar xz
RUN wget https://github.com/o/c/archive/main.zip && echo "123  main.zip" | sha256sum -c -
RUN wget https://github.com/o/d/archive/$LATER.zip https://example.test/x.zip
RUN wget https://raw.githubusercontent.com/o/e/main/logo.png https://raw.githubusercontent.com/o/f/main/png
`, want: []string{
			"3 https://github.com/o/a master any",
			"4 https://github.com/o/b dev branch",
			"7 https://github.com/o/f main any",
		}},
		{about: "a template of Ansible", path: "roles/x/templates/a.Dockerfile.j2", text: "FROM {{ base }}\nRUN git clone https://github.com/o/a && git clone -b {{ branch }} https://github.com/o/b\n",
			want: []string{"2 https://github.com/o/a - any"}},
		{about: "where the clone is already", path: "Dockerfile", text: `FROM x
ARG COMMIT=HEAD
RUN git clone -b main https://github.com/o/a && cd a && git fetch origin "${COMMIT}" && git checkout "${COMMIT}"
RUN git clone -b main https://github.com/o/b && cd b && git fetch origin HEAD && git checkout FETCH_HEAD
RUN git clone -b main https://github.com/o/c && cd c && git reset --hard origin/HEAD
`, want: []string{
			"3 https://github.com/o/a main any",
			"4 https://github.com/o/b - any tag-first",
			"5 https://github.com/o/c - any tag-first",
		}},
		{about: "a directory of images", path: "dockerfiles/v3/alpine", text: "FROM alpine\nRUN git clone https://github.com/o/a\n", want: []string{"2 https://github.com/o/a - any"}},
		{about: "something else there", path: "Dockerfiles/README", text: "RUN git clone https://github.com/o/a\n"},
	})
}

func TestCompose(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "compose", path: "docker-compose.yml", text: `services:
  a:
    build: https://github.com/o/a.git#live:docker
  b:
    build:
      context: git@github.com:o/b.git
      additional_contexts:
        c: https://github.com/o/c.git?ref=main
        img: docker-image://alpine
  d: {build: ./d}
  e: {build: {context: "https://example.test/x.tar.gz"}}
  f: {image: "git@x"}
  g: {build: github.com/o/g#main}
  h: {build: "ssh://git@git.example.test/o/h#x"}
`, want: []string{
			"3 https://github.com/o/a.git live any",
			"6 git@github.com:o/b.git - any",
			"8 https://github.com/o/c.git main any",
			"13 https://github.com/o/g main any",
			"14 ssh://git@git.example.test/o/h x any",
		}},
		{about: "bake", path: "docker-bake.hcl", text: `target "x" {
  context = "https://github.com/o/a.git#live"
  contexts = {
    b = "https://github.com/o/b.git"
    c = "target:y"
  }
}
group "default" { targets = ["x"] }
`, want: []string{"2 https://github.com/o/a.git live any", "4 https://github.com/o/b.git - any"}},
		{about: "bake in JSON", path: "docker-bake.json", text: `{"target": {"x": {"context": "https://github.com/o/a.git#live"}}}`,
			want: []string{"1 https://github.com/o/a.git live any"}},
	})
}
