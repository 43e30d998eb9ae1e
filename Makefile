# oauth2-wasm. `make` alone lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
FUZZTIME ?= 5000x
PURE := ./core ./core/bff ./core/internal/...
NODETESTS = js/test/*.test.mjs web/*.test.mjs edge/test/*.test.mjs

.PHONY: help demo test setup check go-test js-test hosts behaviours fuzz edge wasm toolchain verify-wasm purity size soak hostile bench bench-edge simulate

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

demo: ## sign in, in a browser, on an embedded authorization server (PORT=8080)
	@mkdir -p build && go build -o build/demo ./web && exec build/demo

edge: setup ## the Worker in workerd, with an authorization server, an API and a page (PORT=8788)
	@node edge/dev/main.mjs

test: setup check go-test fuzz js-test hosts behaviours ## everything, set-up included

setup: ## what the tests need: npm packages, Chromium
	@mkdir -p build/hosts
	@command -v node >/dev/null || { echo "setup: Node 20 or later is missing" >&2; exit 1; }
	@[ build/npm.stamp -nt package-lock.json ] || { npm ci --no-audit --no-fund --loglevel=error && touch build/npm.stamp; }
	@js/test/chromium.sh

check: ## formatting, vet, purity, types
	@test -z "$$(gofmt -l core edge wasm web js | tee /dev/stderr)"
	go vet ./...
	GOARCH=386 go vet $(PURE)
	@wasm/toolchain/purity.sh

go-test: ## Go: native, 32 bits, wazero, wasip1, the authorization server
	@rm -f build/hosts/go-*.json build/hosts/wazero.json
	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o build/oauth2-wasip1.wasm ./wasm/module
	GOARCH=386 go test $(PURE)
	go test -race ./core/authserver/... ./core/drive/...
	go test -tags plant -run Planted ./core/simulate
	go test -count=1 -json ./... >build/go-test.json || { node js/test/behaviours.mjs --failures; exit 1; }

fuzz: ## each fuzz target, FUZZTIME runs of it (5000x; by time a run that is slow to stop would fail)
	@for f in $$(grep -rlE '^func Fuzz' core wasm --include='*_test.go'); do \
		for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9]*).*/\1/p' $$f); do \
			echo "fuzz $$(dirname $$f) $$target"; \
			go test ./$$(dirname $$f) -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x >build/fuzz.log || { cat build/fuzz.log; exit 1; }; \
		done; done

# --test-force-exit: Node 20, at its own end, sometimes turns in circles for ever over a socket that is closed already.
js-test: setup ## JavaScript: the package, the pages, the demo, a certified server, the Worker
	npm run build --silent
	node --test --test-force-exit --test-reporter=spec --test-reporter-destination=stdout --test-reporter=./js/test/lib/reporter.mjs --test-reporter-destination=build/node-tests.jsonl $(NODETESTS)

hosts: setup ## the two suites on every host, as a table
	npm run hosts --silent

behaviours: ## every behaviour with the tests that passed for it, after make test
	@node js/test/behaviours.mjs

wasm: ## build wasm/oauth2.wasm and wasm/oauth2-edge.wasm (make toolchain first)
	wasm/toolchain/toolchain.sh build wasm/oauth2.wasm
	TAGS=edge wasm/toolchain/toolchain.sh build wasm/oauth2-edge.wasm
	@ls -l wasm/*.wasm

toolchain: ## install TinyGo and what it needs (Debian packages, 1.2 GB)
	wasm/toolchain/toolchain.sh install

verify-wasm: toolchain ## rebuild the module elsewhere, with cold caches: equal bytes, no imports
	wasm/toolchain/verify.sh

purity: ## the core imports nothing impure
	@wasm/toolchain/purity.sh

size: setup toolchain ## bytes of all that a page loads, and what each part of core adds
	@npm run build --silent
	@node wasm/toolchain/size.mjs

soak: setup ## minutes of fuzzing, and of tabs that share a session (SOAK_SECONDS=60)
	$(MAKE) fuzz FUZZTIME=1000000x
	node --test --test-reporter=spec js/test/soak/tabs.test.mjs
	$(MAKE) simulate SEED=$$(date +%s) RUNS=4000
	$(MAKE) hostile

hostile: setup ## big but legal inputs to module, Worker, net/http and authorization server: a line through time and memory (minutes)
	HOSTILE=minutes node --test --test-force-exit --test-reporter=spec edge/test/hostile.test.mjs

simulate: ## the whole system from one seed, without a clock (SEED=1 RUNS=500 STEPS=600; SEED alone runs that one)
	@go test -v -count=1 -timeout 0 -run '^TestSimulate$$' ./core/simulate -args -seed $(or $(SEED),1) -runs $(or $(RUNS),$(if $(SEED),1,500)) -steps $(or $(STEPS),600)

bench: setup ## beside other clients and servers, in one run; also in build/bench.json (ROWS=1,4 picks rows; ROUNDS=7)
	@node js/bench/run.mjs

bench-edge: ## token exchange in workerd, in TypeScript, in Go, plain, and on oauth4webapi
	$(MAKE) bench ROWS=6
