#!/usr/bin/env bash
# Everything that has to hold before a change goes in, cheapest first.
set -euo pipefail
cd "$(dirname "$0")/.."

target_dir=$(scripts/target-dir.sh)

step() { printf '\n== %s\n' "$*"; }

step 'formatting'
cargo fmt --all --check
cargo fmt --manifest-path fuzz/Cargo.toml --check

step 'lints'
cargo clippy --locked --workspace --all-targets -- -D warnings

step 'documentation'
RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --document-private-items --quiet

step 'programs'
cargo build --locked --workspace --bins
export TWOCAN_BIN_DIR="$target_dir/debug"

# The same cases each time, so that what fails here fails for everybody; `make
# fuzz` is where new ones are looked for.
export PROPTEST_RNG_SEED=1

step 'tests'
if command -v cargo-nextest >/dev/null 2>&1; then
    cargo nextest run --locked --workspace --no-fail-fast
else
    cargo test --locked --workspace --lib --bins --tests --no-fail-fast
fi

step 'documentation tests'
cargo test --locked --workspace --doc --quiet

if ! command -v pulseaudio >/dev/null 2>&1; then
    step 'left out: the call over virtual sound devices, which needs the pulseaudio daemon'
fi
step 'all is well'
