package detect

import "testing"

func TestPods(t *testing.T) {
	runSamples(t, []Detector{pods()}, []sample{
		{about: "a job", path: "jobs/seed.yaml", text: `apiVersion: batch/v1
kind: Job
spec:
  template:
    spec:
      containers:
        - image: alpine/git
          command: [/bin/sh, -c]
          args:
            - |
              sleep 1
              git clone https://github.com/o/seed
              git clone -b $BRANCH https://github.com/o/no
        - command: [sh, -c, git clone https://github.com/o/no-image]
`, want: []string{"12 https://github.com/o/seed - any"}},
		{about: "a step", path: "task.yml", text: `apiVersion: tekton.dev/v1
kind: Task
spec:
  steps:
    - image: x
      script: git clone -b main https://github.com/o/tools
`, want: []string{"6 https://github.com/o/tools main any"}},
		{about: "what is resolved", path: "run.yaml", text: `apiVersion: tekton.dev/v1
kind: PipelineRun
spec:
  pipelineRef:
    resolver: git
    params:
      - {name: url, value: https://github.com/o/catalog.git}
      - name: revision
        value: main
      - {name: pathInRepo, value: a.yaml}
  taskRef:
    resolver: git
    params:
      - {name: url, value: $(params.url)}
      - {name: revision, value: main}
  other: {resolver: git}
`, want: []string{"7 https://github.com/o/catalog.git main any"}},
		{about: "pipelines as code", path: ".tekton/push.yaml", text: `apiVersion: tekton.dev/v1
kind: PipelineRun
metadata:
  annotations:
    pipelinesascode.tekton.dev/pipeline: "https://raw.githubusercontent.com/o/ci/main/build.yaml"
    pipelinesascode.tekton.dev/task: "[git-clone, https://raw.githubusercontent.com/o/tasks/dev/a.yaml]"
    pipelinesascode.tekton.dev/task-1: https://raw.githubusercontent.com/o/more/{{ revision }}/a.yaml
    pipelinesascode.tekton.dev/on-event: https://raw.githubusercontent.com/o/no/main/a.yaml
`, want: []string{"5 https://github.com/o/ci main any", "6 https://github.com/o/tasks dev any"}},
		{about: "where it looks", path: "config.yaml", text: `apiVersion: operator.tekton.dev/v1alpha1
kind: TektonConfig
spec:
  pipeline:
    git-resolver-config:
      default-url: https://github.com/o/catalog
      default-revision: main
---
apiVersion: operator.tekton.dev/v1alpha1
kind: TektonHub
spec:
  catalogs:
    - {name: own, url: https://github.com/o/hub, revision: next}
    - {name: none}
`, want: []string{
			"6 https://github.com/o/catalog main any",
			"13 https://github.com/o/hub next any",
		}},
		{about: "something else", path: "x.yaml", text: "resolver: git\nparams: [{name: url, value: https://github.com/o/no}]\n"},
	})
}
