# Everything a person or CI does here. `make` alone lists the targets.

SWIFT ?= swift
SWIFT_FLAGS ?=
SOURCES := Sources Tests Package.swift $(wildcard Plugins)
DEBUG := .build/debug

# Swift's crash report prints registers and memory, which may hold secrets, and takes seconds.
# To see one all the same: make test SWIFT_BACKTRACE=enable=yes
export SWIFT_BACKTRACE ?= enable=no

.DEFAULT_GOAL := help
.PHONY: help deps build release demo run test bench bench-refresh test-crash test-rotation test-peers test-foreign fuzz lint format check-imports certs clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

deps: ## install the system libraries that the build needs, or say which they are
	@Scripts/deps build

build: deps ## build everything, debug
	$(SWIFT) build $(SWIFT_FLAGS)

release: deps ## build the two programs, optimised
	$(SWIFT) build -c release $(SWIFT_FLAGS)

demo: build ## walk through consent, credential, expiry and refresh, then end
	$(DEBUG)/credence-sandbox demo --credence $(DEBUG)/credence --next github

run: build ## the same, and leave it running for your browser (Ctrl-C ends it)
	$(DEBUG)/credence-sandbox demo --stay --credence $(DEBUG)/credence --next github

# The pure tests keep a processor busy each; those that wait for servers and processes run by themselves after them.
test: build ## run all tests that need nothing but this repository
	$(SWIFT) test --disable-xctest $(SWIFT_FLAGS) --filter '^(OAuth|Conformance|ProviderProfiles|Sealing)Tests\.'
	$(SWIFT) test --disable-xctest $(SWIFT_FLAGS) --skip '^(OAuth|Conformance|ProviderProfiles|Sealing)Tests\.'
	CREDENCE_MANY=1 $(SWIFT) test --disable-xctest $(SWIFT_FLAGS) --filter '^BrokerTests\.RefreshTests/manyReaders'

bench: deps ## measure the credential call against a bare route, release build
	@Scripts/bench

bench-refresh: deps ## measure refreshes against bare POSTs to the same endpoint, release build
	@Scripts/bench-refresh

test-peers: build ## full rounds against authorization servers of other projects
	@Tests/Peers/run

test-foreign: $(if $(CREDENCE),,deps) ## shared cases and connectors through the real program (CASES=FILE, CONNECTORS=DIR EXPECTED=FILE, CREDENCE=BINARY)
	@CONNECTORS="$(CONNECTORS)" EXPECTED="$(EXPECTED)" CASES="$(CASES)" CREDENCE="$(CREDENCE)" SWIFT="$(SWIFT)" SWIFT_FLAGS="$(SWIFT_FLAGS)" Tests/Foreign/run

test-crash: build ## kill the service during refreshes, 1,000 times, and look for what was lost (CYCLES=N, SEED=N)
	@CYCLES="$(CYCLES)" SEED="$(SEED)" Tests/Crash/run

test-rotation: build ## rotate everything under a load of reads; kill the service while keys change (KILLS=N, SEED=N)
	@KILLS="$(KILLS)" SEED="$(SEED)" Tests/Rotation/run

fuzz: ## mutate what strangers wrote (FUZZ=SECONDS a target, FUZZ_TARGET=NAME)
	@SWIFT="$(SWIFT)" Tests/Fuzz/run $(or $(FUZZ),60)

lint: ## check the format
	$(SWIFT) format lint --strict -r $(SOURCES)

format: ## rewrite the sources in the house format
	$(SWIFT) format --in-place -r $(SOURCES)

check-imports: deps ## refuse an import that Package.swift does not allow
	$(SWIFT) build --build-tests --explicit-target-dependency-import-check error $(SWIFT_FLAGS)

certs: ## make development certificates in certs/
	@certs/make-development-certificates

clean: ## remove what was built; certificates stay
	rm -rf .build .build-tsan .build-fuzz .venv-peers
