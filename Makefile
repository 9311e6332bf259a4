# What people type. `make help` lists it.
#
# Needed: Go and make. For containers an engine; the image that the gallery's peers
# start from is pulled, or where no registry gives it, made by debootstrap, which is
# installed where it can be. For the race detector, which the tests use where they
# can, a C compiler.

GO       ?= go
ARGS     ?=
FUZZTIME ?= 10s
SOAK ?= 10m

LINT_VERSION := v2.15.0
LINT         := .tools/golangci-lint-$(LINT_VERSION)

SBOM_VERSION := v1.10.0
SBOM         := .tools/cyclonedx-gomod-$(SBOM_VERSION)

# The race detector needs cgo, and cgo a C compiler.
RACE = $(shell command -v "$$($(GO) env CC)" >/dev/null 2>&1 && echo -race)

.PHONY: help lab test check scorecard manuals base prepare images bench ratios engines swarm soak fuzz lint dist clean format tidy short build go race

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

lab: build ## deliver one message and turn the impostors away; ARGS=--json and so on
	@bin/mtlslab run $(ARGS)

# One package at a time: they share one engine, and some ask a great deal of it. Of
# its tests four go on at once: most wait for containers.
test: race prepare ## all tests; with containers where an engine answers
	$(GO) test $(RACE) -p 1 -parallel 4 -timeout 30m $(ARGS) ./...

check: format tidy lint short ## what to run before every commit

scorecard: base ## audit the gallery of real software, and write docs/scorecard
	@bin/mtlslab scorecard --remedies --out docs/scorecard $(ARGS)
	@mv docs/scorecard/shown.json lab/report/shown.json

manuals: base ## audit what published pages set up, and write docs/scorecard/manuals.md
	@bin/mtlslab scorecard --manuals --out docs/scorecard $(ARGS)

base: prepare ## bring debian:bookworm-slim into the engine, for the gallery
	@bin/mtlslab base

images: build ## put the images that compose.yaml names into the engine
	@bin/mtlslab images $(ARGS)

bench: go ## all benchmarks
	$(GO) test -run '^$$' -bench . -benchmem $(ARGS) ./...

ratios: go ## the server's processor time and memory beside nginx's and gnutls-serv's
	$(GO) test -tags ratio -count=1 -v -run 'Ratio|IdleMemory' ./server

engines: build ## try the whole of it with other container engines, started for that; root, Debian
	@.ci/engines $(ARGS)

swarm: build ## try the stack file of docs/how-to on two engines, joined as a swarm; root, Debian
	@.ci/swarm

soak: race ## rotation after rotation in one server, for SOAK, 10m: nothing may leak
	go test -race -count=1 -timeout 0 -run TestSoak -v ./lab/drill -soak $(SOAK)

fuzz: go ## every fuzz target for FUZZTIME, 10s
	@set -e; for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done

lint: go $(LINT) ## golangci-lint, installed into .tools if it is not there
	@$(LINT) run ./...

dist: go $(SBOM) ## mtlslab for each platform as one file, with checksums and bills of materials
	@$(GO) run ./lab/cmd/dist --out dist $(ARGS)
	@for file in dist/mtlslab-*; do case $$file in *.json) ;; *) \
		$(SBOM) bin -json -noserial -output $$file.cdx.json $$file;; esac; done

clean: build ## remove what labs left in the engine, and what was built
	-@bin/mtlslab clean
	@rm -rf bin dist

# The rest is steps of the above.

build: go
	@$(GO) build -buildvcs=false -o bin/mtlslab ./lab/cmd/mtlslab

format: go
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not as gofmt would have it:" $$unformatted >&2; exit 1; }

tidy: go
	@$(GO) mod tidy -diff || { echo "go.mod or go.sum is not tidy: go mod tidy" >&2; exit 1; }

short: go race
	$(GO) test $(RACE) -short ./...

go:
	@command -v $(GO) >/dev/null || { echo "Go is missing: install 1.26 or later, https://go.dev/dl" >&2; exit 1; }

race: go
	@test -n "$(RACE)" || echo "no C compiler, so without the race detector: install gcc" >&2

# Before anything is started: the base image is there or can be had, or it is said in one
# line what to install.
prepare: build
	@bin/mtlslab base --check 2>/dev/null || { \
		command -v apt-get >/dev/null 2>&1 && test "$$(id -u)" = 0 && \
		{ apt-get update -qq && apt-get install -y -qq debootstrap; } >/dev/null; \
		bin/mtlslab base --check; }

$(LINT):
	@echo "installing golangci-lint $(LINT_VERSION) into .tools, once" >&2
	@GOBIN="$(CURDIR)/.tools" GOFLAGS= $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@mv .tools/golangci-lint $@

$(SBOM):
	@echo "installing cyclonedx-gomod $(SBOM_VERSION) into .tools, once" >&2
	@GOBIN="$(CURDIR)/.tools" GOFLAGS= $(GO) install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$(SBOM_VERSION)
	@mv .tools/cyclonedx-gomod $@
