# twocan: everything a developer, a tester and an operator types.
# `make` alone explains the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
# Where cargo puts what it builds; asked for only where it is needed.
TARGET_DIR = $(shell scripts/target-dir.sh)
# Where `make run` keeps the profile; empty means the folders of the desktop.
DATA ?=
# More options for `make run-registry`, such as --config FILE.
REGISTRY_OPTIONS ?=
# Cargo features of the client: `pipewire` speaks to PipeWire directly.
FEATURES ?=
# How long `make fuzz` spends on each target.
FUZZ_SECONDS ?= 60

.PHONY: help deps deps-test deps-dist run run-registry demo test test-api bench audit fuzz picture certs fmt lint dist deb

help: ## explain the targets
	@echo 'twocan: chat and call each other directly, from the terminal.'
	@echo
	@echo 'Start here:  make demo'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

deps: ## install what building needs, if it is missing
	@scripts/deps.sh build $(FEATURES)

deps-test: ## install what building and testing need, if it is missing
	@scripts/deps.sh build test

run: deps ## open the terminal client (DATA=DIR keeps its profile there)
	$(CARGO) run --release --locked --package twocan $(if $(FEATURES),--features '$(FEATURES)') -- $(if $(DATA),--data '$(DATA)')

run-registry: deps ## start a registry on port 7443, with its data in data/registry
	$(CARGO) run --release --locked --package twocan-registry -- serve $(REGISTRY_OPTIONS)

demo: deps ## a registry, a contact that answers, and a client to talk to it
	@scripts/demo.sh

test: deps-test ## formatting, lints, documentation and every test
	@scripts/test.sh

test-api: deps ## try a registry by its own description, where schemathesis is installed
	@scripts/schemathesis.sh

bench: deps-test ## measure, beside what one would use instead; kept in docs/bench
	$(CARGO) build --release --locked --workspace --bins
	TWOCAN_BIN_DIR='$(TARGET_DIR)/release' '$(TARGET_DIR)/release/bench' --json "docs/bench/$$(date +%F).json"

audit: ## check dependencies: bans, licences, sources
	@scripts/cargo-tool.sh deny cargo-deny
	$(CARGO) deny --all-features check bans licenses sources

fuzz: deps ## run every fuzz target for FUZZ_SECONDS (60) each
	@scripts/fuzz.sh '$(FUZZ_SECONDS)'

picture: deps-test ## take the pictures of the README from real screens
	$(CARGO) build --locked --workspace --bins
	TWOCAN_BIN_DIR='$(TARGET_DIR)/debug' '$(TARGET_DIR)/debug/picture'
	'$(TARGET_DIR)/debug/plot' docs/bench/calls.json docs/bench/calls.svg

certs: ## make a development certificate for localhost under certs/
	@scripts/certs.sh

fmt: ## format the code
	$(CARGO) fmt --all
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml

lint: deps ## formatting, clippy and rustdoc, all with warnings denied
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps --document-private-items --quiet

deps-dist: ## install what building programs to give away needs, if it is missing
	@scripts/deps.sh build dist

dist: deps-dist ## release tarballs of both programs, with checksums, under dist/
	@scripts/dist.sh

deb: deps-dist ## the same, and Debian packages of both
	@scripts/cargo-tool.sh deb cargo-deb
	@scripts/dist.sh deb
