#!/usr/bin/env bash
# Installs a cargo subcommand if it is missing: cargo-tool.sh SUBCOMMAND CRATE
set -euo pipefail

subcommand=$1
crate=$2
if ! command -v "cargo-$subcommand" >/dev/null 2>&1; then
    printf 'installing %s\n' "$crate"
    cargo install --locked "$crate"
fi
