#!/usr/bin/env bash
# Man pages and completions of one program, made by it: papers.sh PROGRAM DIR
set -euo pipefail

program=$1
dir=$2
name=$(basename "$program")
rm -rf "$dir"
mkdir -p "$dir/completions"
"$program" man --dir "$dir/man"
# The names that the shells look for.
"$program" completions bash >"$dir/completions/$name"
"$program" completions zsh >"$dir/completions/_$name"
"$program" completions fish >"$dir/completions/$name.fish"
