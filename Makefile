# Everything a person or CI does here. `make help` lists it.

GO ?= go
PROVIDERS := $(notdir $(wildcard plugins/providers/*))
export CGO_ENABLED ?= 0
TOOL = $(GO) tool -modfile=.ci/$(1).mod

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

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
	$(GO) test ./...

.PHONY: race
race: ## all tests under the race detector; needs a C compiler
	CGO_ENABLED=1 $(GO) test -race ./...

.PHONY: fuzz
fuzz: ## every fuzz target for a while (FUZZTIME=10s)
	@grep -rlE '^func Fuzz' --include='*_test.go' . | while read -r file; do \
	  grep -oE '^func Fuzz[A-Za-z]+' $$file | cut -d' ' -f2 | while read -r target; do \
	    echo "$$(dirname $$file) $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(or $(FUZZTIME),10s) $$(dirname $$file) || exit 1; \
	  done || exit 1; done

.PHONY: bench
bench: ## speed of whole processes, beside the machine's own limits
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 20m ./cmd/wright

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
