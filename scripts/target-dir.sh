#!/usr/bin/env bash
# Prints the folder in which cargo puts what it builds: that of the environment,
# of a configuration file, or target/.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo metadata --format-version 1 --no-deps --locked |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
