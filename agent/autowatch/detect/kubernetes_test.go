package detect

import "testing"

func TestKustomize(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "bases", path: "overlays/prod/kustomization.yaml", text: `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- ../../base
- deployment.yaml
- github.com/o/a//config/default?ref=main
- https://github.com/o/b//deploy?timeout=120&ref=v1.2.3
- https://github.com/o/c/deploy/base?ref=release/1
- git@github.com:o/d.git//base?ref=dev
- ssh://git@git.example.test/o/e.git/base?ref=` + hash + `
- https://git.example.test/group/sub/f.git//x
- https://raw.githubusercontent.com/o/k/main/deploy.yaml
- https://github.com/o/no/releases/download/v1/install.yaml
- "git::https://git.example.test/o/g?ref=x"
- https://dev.azure.com/org/proj/_git/h/deploy?ref=main
bases:
- github.com/o/i
components:
- https://github.com/o/j/?version=w
patches:
- path: https://github.com/o/no//x?ref=y
- path: https://raw.githubusercontent.com/o/l/live/patch.yaml
- path: patch.yaml
configMapGenerator:
- name: dashboards
  files:
  - x.json
  - https://github.com/o/m/raw/main/dashboards/m.json
  - n.json=https://raw.githubusercontent.com/o/n/refs/heads/dev/n.json?x=y
  - https://github.com/o/no/releases/download/v1/x.json
openapi:
  path: https://raw.githubusercontent.com/o/schema/main/all.json
`, want: []string{
			"6 https://github.com/o/a main any tag-first",
			"7 https://github.com/o/b v1.2.3 any tag-first",
			"8 https://github.com/o/c release/1 any tag-first",
			"9 git@github.com:o/d.git dev any tag-first",
			"10 ssh://git@git.example.test/o/e.git " + hash + " commit tag-first",
			"11 https://git.example.test/group/sub/f.git - any tag-first",
			"12 https://github.com/o/k main any",
			"14 https://git.example.test/o/g x any tag-first",
			"15 https://dev.azure.com/org/proj/_git/h main any tag-first",
			"17 https://github.com/o/i - any tag-first",
			"19 https://github.com/o/j w any tag-first",
			"22 https://github.com/o/l live any",
			"28 https://github.com/o/m main any",
			"29 https://github.com/o/n dev any",
			"32 https://github.com/o/schema main any",
		}},
	})
}

func TestHelm(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "chart", path: "chart/Chart.yaml", text: `apiVersion: v2
name: shop
version: 1.0.0
dependencies:
  - name: redis
    version: 17.x
    repository: https://charts.bitnami.com/bitnami
  - name: base
    version: "*"
    repository: "git+https://git.example.test/o/charts@base?ref=main&sparse=0"
  - name: two
    repository: git+ssh://git@github.com/o/two.git@charts?ref=v1
  - name: oci
    repository: oci://registry.example.test/x
`, want: []string{"10 https://git.example.test/o/charts main any", "12 ssh://git@github.com/o/two.git v1 any"}},
		{about: "helmfile", path: "helmfile.yaml", text: `repositories:
- name: mine
  url: git+https://git.example.test/o/mine@charts?ref=dev
helmfiles:
- git::https://git.example.test/o/hf@helmfile.yaml?ref=main
- path: git::https://git.example.test/o/hg.git@x/helmfile.yaml?ref=v1
releases:
- name: x
  chart: mine/x
`, want: []string{
			"3 https://git.example.test/o/mine dev any",
			"5 https://git.example.test/o/hf main any",
			"6 https://git.example.test/o/hg.git v1 any",
		}},
	})
}

func TestKubernetes(t *testing.T) {
	runSamples(t, deployments(), []sample{
		{about: "Kubeflow", path: "kfdef/all.yaml", text: `apiVersion: kfdef.apps.kubeflow.org/v1
kind: KfDef
spec:
  applications:
  - kustomizeConfig: {repoRef: {name: own, path: x}}
  repos:
  - name: own
    uri: https://github.com/o/manifests/tarball/master
  - name: of
    uri: https://github.com/o/of/archive/v1.2-branch.tar.gz
`, want: []string{"8 https://github.com/o/manifests master any", "10 https://github.com/o/of v1.2-branch any"}},
		{about: "Argo CD", path: "apps/shop.yaml", text: `# shop
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop}
spec:
  source:
    repoURL: https://git.example.test/o/shop.git
    path: deploy
    targetRevision: HEAD
---
apiVersion: argoproj.io/v1alpha1
kind: Application
spec:
  sources:
  - repoURL: https://charts.example.test
    chart: redis
    targetRevision: 17.1.0
  - repoURL: git@github.com:o/values.git
    targetRevision: production
    ref: values
  - repoURL: https://github.com/o/range
    targetRevision: ">=1.0 <2"
---
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
spec:
  generators:
  - git:
      repoURL: https://github.com/o/clusters
      revision: main
      directories: [{path: "*"}]
  template:
    spec:
      source:
        repoURL: '{{ .url }}'
        targetRevision: main
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
spec:
  repoURL: https://no.test/x
`, want: []string{
			"7 https://git.example.test/o/shop.git - any",
			"18 git@github.com:o/values.git production any",
			"21 https://github.com/o/range >=1.0 <2 version",
			"29 https://github.com/o/clusters main any",
		}, fails: "line 35: the address is computed"},
		{about: "Flux and Fleet", path: "flux/sources.yml", text: `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
spec:
  interval: 1m
  url: https://github.com/o/a
  ref:
    branch: live
---
apiVersion: source.toolkit.fluxcd.io/v1beta2
kind: GitRepository
spec: {url: "ssh://git@github.com/o/b", ref: {semver: "1.x", branch: main}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
spec: {url: https://github.com/o/c, ref: {tag: v1}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
spec: {url: https://github.com/o/d, ref: {branch: main, commit: ` + hash + `}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
spec: {url: https://github.com/o/e}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
spec: {url: https://github.com/o/no}
---
kind: GitRepo
apiVersion: fleet.cattle.io/v1alpha1
spec:
  repo: https://github.com/o/f
  paths: [x]
`, want: []string{
			"5 https://github.com/o/a live branch",
			"11 ssh://git@github.com/o/b 1.x version",
			"15 https://github.com/o/c v1 tag",
			"19 https://github.com/o/d " + hash + " commit",
			"23 https://github.com/o/e master branch",
			"32 https://github.com/o/f master branch",
		}},
		{about: "values of a chart", path: "values.yaml", text: "apps:\n- source:\n    repoURL: https://github.com/o/a\n    targetRevision: main\n- {repoURL: x}\n",
			want: []string{"3 https://github.com/o/a main any"}},
		{about: "values without a name", path: "values.yaml", text: "apps:\n- source:\n    repoURL: https://github.com/o/a\n    path: x\nplugin: {repoURL: https://github.com/o/no}\n",
			want: []string{"3 https://github.com/o/a - any"}},
		{about: "in a chart", path: "chart/templates/app.yaml", text: `{{- if .Values.enabled }}
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {{ .Release.Name }}-x
spec:
  {{- with .Values.x }}
  y: {{ . }}
  {{- end }}
  source:
    repoURL: https://github.com/o/a
    targetRevision: main
{{- end }}
`, want: []string{"11 https://github.com/o/a main any"}},
	})
}

func TestFluxSync(t *testing.T) {
	runSamples(t, []Detector{kubernetes()}, []sample{
		{about: "an instance", path: "flux.yaml", text: `apiVersion: fluxcd.controlplane.io/v1
kind: FluxInstance
spec:
  sync: {url: https://github.com/o/a, ref: refs/heads/main, path: clusters/x}
`, want: []string{"4 https://github.com/o/a main branch"}},
		{about: "values of its chart", path: "release.yaml", text: `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
spec:
  values:
    instance:
      sync:
        kind: GitRepository
        url: https://github.com/o/b
        ref: main
    other:
      sync: {kind: Bucket, url: https://example.test/x, ref: main}
      more: {sync: {url: https://github.com/o/no, ref: main}}
`, want: []string{"8 https://github.com/o/b main any"}},
	})
}

func TestArgoValuesOtherwise(t *testing.T) {
	runSamples(t, []Detector{kubernetes()}, []sample{
		{about: "a repository for all applications", path: "environments/values.yaml", text: "repoUrl: https://git.example.test/o/r\ntargetRevision: main\n",
			want: []string{"1 https://git.example.test/o/r main any"}},
	})
}
