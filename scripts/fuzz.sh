#!/usr/bin/env bash
# Runs every fuzz target for a number of seconds each: fuzz.sh [SECONDS]
# They go on from what earlier runs have found: fuzz/seeds.tar.xz holds the
# smallest corpora of up to ten minutes each. The property tests run first, with many
# more cases than in `make test`, and new ones each time.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
[[ "$seconds" =~ ^[1-9][0-9]*$ ]] || { echo "fuzz: FUZZ_SECONDS must be a whole number of seconds, not '$seconds'" >&2; exit 2; }
if ! rustup toolchain list 2>/dev/null | grep -q '^nightly'; then
    echo 'fuzz: the fuzzer needs a nightly compiler: run  rustup toolchain install nightly --profile minimal  and try again' >&2
    exit 1
fi
scripts/cargo-tool.sh fuzz cargo-fuzz

printf '\n== property tests\n'
# Those that take long set their own number of cases.
PROPTEST_CASES=5000 cargo test --locked --workspace --exclude twocan-e2e --lib --bins --quiet

# Two tables of SQLite have one name, each in a function of its own; the sanitizer
# takes them for one table that is there twice.
export ASAN_OPTIONS=detect_odr_violation=0

mkdir -p fuzz/corpus
tar --extract --xz --skip-old-files --directory fuzz/corpus --file fuzz/seeds.tar.xz
for target in $(cargo +nightly fuzz list); do
    printf '\n== %s\n' "$target"
    cargo +nightly fuzz run "$target" -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0
done
