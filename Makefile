# Parley's chores. `make help` lists them; CI runs `make test` and nothing else.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:
.DEFAULT_GOAL := help

# What the tests drive besides Go, as Debian installs it.
CHROMIUM := /usr/bin/chromium
PYTHON := /usr/bin/python3

# How long each fuzz target runs.
FUZZTIME ?= 5s

# In a recipe, installs the packages in $missing, if there are any.
define install_missing
if [ -n "$$missing" ]; then \
	command -v apt-get >/dev/null || { echo "Install what this needs, by its Debian names:$$missing" >&2; exit 1; }; \
	as_root=; [ "$$(id -u)" = 0 ] || as_root=sudo; \
	$$as_root apt-get update; \
	$$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $$missing </dev/null; \
fi
endef

BIN := $(CURDIR)/test/artifacts/bin
STATICCHECK := $(BIN)/staticcheck

.PHONY: help
help: ## list what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build ./parley
	go build -o parley ./cmd/parley

.PHONY: run
run: ## start Parley on http://127.0.0.1:8080 with its data in ./parley-data
	go run ./cmd/parley

# Where `make cluster-demo` is open.
LISTEN ?= 127.0.0.1:8080

# Debian has it where only an administrator's PATH leads.
NGINX := $(or $(shell command -v nginx),/usr/sbin/nginx)

.PHONY: cluster-demo
cluster-demo: ## start PostgreSQL, NATS and three nodes behind nginx on LISTEN (127.0.0.1:8080), for trying
	@missing=; \
	compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || missing+=" postgresql"; \
	[ -x $(NGINX) ] || missing+=" nginx"; \
	$(install_missing)
	@cd test && go build -o $(BIN)/cluster-demo ./cluster/demo && exec $(BIN)/cluster-demo -listen $(LISTEN)

.PHONY: page
page: web/node_modules/.package-lock.json ## build the page into web/dist, which is committed
	npm --prefix web run build

# The servers of the benchmarks that are written for Node.js need what they are made of.
BENCH_PEERS := $(patsubst %,bench/servers/%/node_modules/.package-lock.json,npm-ws npm-socketio)

.PHONY: bench
bench: $(BENCH_PEERS) ## compare with others, into bench/results.md (16 minutes); BENCH=Committer runs those Go benchmarks instead
ifdef BENCH
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...
else
	cd bench && go run . -out .
endif

.PHONY: test
test: system format vet portable imports unit fuzz web conformance outside benched ## check everything (installs what is missing; some minutes)
	@echo "All is well."

# --- the parts of test, cheapest first ---

# Whatever is missing is installed, and what cannot be fails here with its name.
.PHONY: system
system:
	@missing=; \
	command -v go >/dev/null || { echo "Install Go: https://go.dev/doc/install" >&2; exit 1; }; \
	command -v gcc >/dev/null || missing+=" gcc libc6-dev"; \
	command -v node >/dev/null || missing+=" nodejs"; \
	command -v npm >/dev/null || missing+=" npm"; \
	[ -x $(CHROMIUM) ] || missing+=" chromium"; \
	$(PYTHON) -c 'import websockets' 2>/dev/null || missing+=" python3-websockets"; \
	compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=" postgresql"; \
	command -v ip >/dev/null || missing+=" iproute2"; \
	$(PYTHON) -c 'import socketio, requests, websocket' 2>/dev/null || missing+=" python3-socketio python3-requests python3-websocket"; \
	$(install_missing); \
	node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' \
		|| { echo "Node $$(node --version) is too old for the page's tools, which need 20.19: https://nodejs.org" >&2; exit 1; }

.PHONY: format
format:
	@wrong=$$(find . -name '*.go' -not -path '*/node_modules/*' -print0 | xargs -0 gofmt -l); \
	[ -z "$$wrong" ] || { echo "Not formatted (gofmt -w mends it):" >&2; echo "$$wrong" >&2; exit 1; }

.PHONY: vet
vet: $(STATICCHECK)
	go vet ./...
	$(STATICCHECK) ./...
	cd test && go vet ./... && $(STATICCHECK) ./...
	cd bench && go vet ./... && $(STATICCHECK) ./...

# test/go.mod pins staticcheck, by version and by content.
$(STATICCHECK): test/go.mod test/go.sum
	cd test && go build -o $@ honnef.co/go/tools/cmd/staticcheck
	@touch $@

.PHONY: portable
portable:
	GOOS=darwin go build ./...
	GOOS=windows go build ./...
	GOOS=linux GOARCH=386 go build ./websocket/...
	GOOS=linux GOARCH=arm64 go build ./...

# The libraries must be usable alone.
.PHONY: imports
imports:
	@module=$$(go list -m); \
	foreign=$$(go list -deps -f '{{if not .Standard}}{{.ImportPath}}{{end}}' ./websocket | \
		grep -v -e "^$$module/websocket\(/\|$$\)" -e '^github.com/klauspost/compress/' || true); \
	[ -z "$$foreign" ] || { echo "websocket imports more than the standard library and klauspost/compress:" >&2; echo "$$foreign" >&2; exit 1; }
	@module=$$(go list -m); \
	foreign=$$(go list -deps -f '{{if not .Standard}}{{.ImportPath}}{{end}}' ./socketio | \
		grep -v -e "^$$module/\(websocket\|socketio\)\(/\|$$\)" -e '^github.com/klauspost/compress/' || true); \
	[ -z "$$foreign" ] || { echo "socketio imports more than websocket and the standard library:" >&2; echo "$$foreign" >&2; exit 1; }

.PHONY: unit
unit:
	go test -race ./...

.PHONY: fuzz
fuzz: ## run every fuzz target, each for FUZZTIME (5s)
	test/fuzz.sh $(FUZZTIME)

.PHONY: web
web: web/node_modules/.package-lock.json
	npm --prefix web run check
	npm --prefix web run lint
	npm --prefix web run test
	npm --prefix web run check:dist

# Never cached: what these tests drive is built outside of what Go tracks.
.PHONY: conformance
conformance: ## hold server and client against the RFCs, and print what passed
	cd test && go test -count=1 -timeout 15m -v ./conformance

# What `make micro` measures, and what it compares with.
MICRO ?= ./websocket/internal/...
BASE ?= HEAD

# The sides take turns: a machine is not as fast in one minute as in the next.
.PHONY: micro
micro: ## compare the inner loops of the working tree with those of BASE (HEAD), a revision
	@old=$$(mktemp -d); trap 'rm -rf "$$old"' EXIT; \
	git archive $(BASE) | tar -x -C "$$old"; \
	for round in 1 2 3 4 5 6; do \
		go test -C "$$old" -run '^$$' -bench . -benchmem -benchtime 100ms $(MICRO) >>"$$old/base"; \
		go test -run '^$$' -bench . -benchmem -benchtime 100ms $(MICRO) >>"$$old/now"; \
	done; \
	cd test && go tool benchstat base="$$old/base" now="$$old/now"

# How long `make soak` lasts.
SOAK ?= 1h

# An hour is for before a release; `make test` has a few seconds of the same.
.PHONY: soak
soak: ## wear a server out with 10,000 connections for SOAK (1h): nothing may be forgotten, nothing left behind
	cd test && go run ./soak --duration $(SOAK)

.PHONY: outside
outside: test/node_modules/.package-lock.json
	cd test && CHROMIUM=$(CHROMIUM) go test -race -count=1 -timeout 15m $$(go list ./... | grep -v '/conformance$$')

# The servers of the benchmarks do their work, a little of it.
.PHONY: benched
benched: $(BENCH_PEERS)
	cd bench && go test -race -count=1 -timeout 8m ./...

%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	npm --prefix $* ci </dev/null
	@touch $@
