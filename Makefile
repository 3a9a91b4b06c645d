# Everything a person or CI does here. `make help` lists it.

GO ?= go
PROVIDERS := $(notdir $(wildcard plugins/providers/wright-*))
export CGO_ENABLED ?= 0
TOOL = $(GO) tool -modfile=.ci/$(1).mod

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: build
build: ## bin/wright and bin/plugins/*
	@mkdir -p bin/plugins
	$(GO) build -trimpath -ldflags='-s -w' -o bin/wright ./cmd/wright
	$(GO) build -trimpath -ldflags='-s -w' -o bin/plugins/ $(PROVIDERS:%=./plugins/providers/%)

.PHONY: demo
demo: build ## show the main job on real repositories
	$(GO) run ./examples/demo $(DEMO)

.PHONY: test
test: ## all tests; needs Go and git
	$(GO) test -timeout 30m ./...

.PHONY: packages
packages: ## Debian's packages of the servers that some tests talk to; as root
	.ci/packages

.PHONY: lab-%
lab-%: ## a real server on loopback until Ctrl-C: bind, mariadb, … (DIR=bin/lab/NAME); as root it is installed first
	missing=$$($(GO) run ./plugins/lab/run -missing $*) && { [ -z "$$missing" ] || [ "$$(id -u)" != 0 ] || .ci/packages $$missing; }
	$(GO) run ./plugins/lab/run $* '$(or $(DIR),bin/lab/$*)'

.PHONY: test-providers
test-providers: ## every provider against its real server, OpenStack too; takes long
	WRIGHT_TEST_HEAVY=1 $(GO) test -count=1 -timeout 90m ./plugins/lab/... ./plugins/providers/...
	WRIGHT_TEST_HEAVY=1 $(GO) test -count=1 -timeout 30m -run OpenStack ./cmd/wright
	WRIGHT_TEST_HEAVY=1 $(GO) test -count=1 -timeout 20m ./master/bucket

.PHONY: test-cluster
test-cluster: ## masters over a real cluster of etcd that fails, and the release before; as root some networks are cut
	WRIGHT_TEST_HEAVY=1 $(GO) test -count=1 -timeout 30m -run 'TestEtcd|TestLeaderIsCutOff|Release' ./cmd/wright

.PHONY: examples
examples: ## every plugin that `wright plugin init` writes, against the whole suite; takes minutes
	WRIGHT_TEST_SCAFFOLDS=1 $(GO) test -count=1 -timeout 40m -run Conformant ./plugins/scaffold

.PHONY: race
race: ## all tests but those of examples under the race detector; needs a C compiler
	CGO_ENABLED=1 $(GO) test -race -short -timeout 40m ./...

.PHONY: fuzz
fuzz: ## every fuzz target for a while, one on each processor (FUZZTIME=10s)
	@grep -roE '^func Fuzz[A-Za-z]+' --include='*_test.go' . | sed -E 's|/[^/]*:func | |' | sort | \
	  GO='$(GO)' FUZZTIME='$(or $(FUZZTIME),10s)' xargs -P $$(nproc) -L 1 .ci/fuzz

.PHONY: bench
bench: ## speed of whole processes, beside the machine's own limits
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 20m ./cmd/wright
	$(GO) test -run '^$$' -bench . -benchtime 2s ./plugins/host

.PHONY: bench-peers
bench-peers: ## Wright beside Debian's Buildbot; as root it is installed first (NOMAD=/path/to/nomad joins)
	command -v buildbot >/dev/null && command -v buildbot-worker >/dev/null || .ci/packages buildbot buildbot-worker
	$(GO) test -count=1 -run '^$$' -bench Peers -benchtime 1x -timeout 30m ./cmd/wright/peers \
	  -nomad '$(abspath $(NOMAD))' -figures '$(CURDIR)/bin/peers.json'

.PHONY: torture
torture: ## masters, agents and members of etcd killed, asleep, stopped and (as root) cut off or slowed at random (TORTURE=5m, WRIGHT_TORTURE_SEED=n)
	WRIGHT_TORTURE='$(or $(TORTURE),5m)' $(GO) test -count=1 -timeout 0 -v -run TestTorture ./cmd/wright

.PHONY: test-failpoints
test-failpoints: ## whoever does a deed killed before it is written down, at every such place; takes long (FAILPOINT=regexp PASS=n)
	WRIGHT_TEST_HEAVY=1 WRIGHT_TEST_PASS='$(or $(PASS),1)' $(GO) test -count=1 -timeout 2h -v -run 'TestKilledAtEveryFailpoint/$(FAILPOINT)' ./cmd/wright

.PHONY: vet
vet: ## go vet
	$(GO) vet ./...

.PHONY: lint
lint: ## golangci-lint, pinned in .ci/lint.mod
	$(call TOOL,lint) golangci-lint run

.PHONY: vuln
vuln: ## govulncheck; asks the Go vulnerability database
	$(call TOOL,vuln) govulncheck ./...

.PHONY: generate
generate: ## the code under proto/
	@mkdir -p bin/tools
	$(GO) build -modfile=.ci/proto.mod -o bin/tools/ github.com/bufbuild/buf/cmd/buf \
	  google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
	cd proto && PATH="$(CURDIR)/bin/tools:$$PATH" buf lint && PATH="$(CURDIR)/bin/tools:$$PATH" buf generate

.PHONY: check
check: generate ## generated code and go.mod are fresh
	$(GO) mod tidy -diff
	@git diff --exit-code --stat -- proto || { echo 'proto/ is not what make generate makes: commit it'; exit 1; }

.PHONY: clean
clean: ## remove bin
	rm -rf bin
