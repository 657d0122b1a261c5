#!/usr/bin/env bash
# Release tarballs of both programs under dist/, with SHA-256 sums beside them.
set -euo pipefail
cd "$(dirname "$0")/.."

target_dir=$(scripts/target-dir.sh)
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
host=$(rustc -vV | sed -n 's/^host: //p')
[[ -n "$version" && -n "$host" ]] || { echo 'dist: cannot tell the version or the kind of machine' >&2; exit 1; }

cargo build --release --locked --package twocan --package twocan-registry
mkdir -p dist

# Packs one program with its papers: pack PROGRAM FILE...
pack() {
    local program=$1 name="$1-$version-$host"
    shift
    rm -rf "dist/$name"
    mkdir "dist/$name"
    install -m 0755 "$target_dir/release/$program" "dist/$name/$program"
    local file
    for file in LICENSE README.md CHANGELOG.md "$@"; do
        install -m 0644 "$file" "dist/$name/$(basename "$file")"
    done
    tar --owner=0 --group=0 --numeric-owner -C dist -czf "dist/$name.tar.gz" "$name" 2>/dev/null ||
        tar -C dist -czf "dist/$name.tar.gz" "$name"
    rm -rf "dist/$name"
}

pack twocan docs/security.md
pack twocan-registry docs/operation.md docs/registry-api.md registry/registry.example.toml \
    registry/twocan-registry.service

cd dist
if command -v sha256sum >/dev/null 2>&1; then
    sha256sum ./*.tar.gz >SHA256SUMS
else
    shasum -a 256 ./*.tar.gz >SHA256SUMS
fi
cat SHA256SUMS
