#!/usr/bin/env bash
# Release tarballs of both programs under dist/, with SHA-256 sums beside them;
# with the word `deb` Debian packages as well. The same programs make the same
# archives: files are sorted, belong to nobody and have the time of the commit.
#
# TWOCAN_BIN_DIR names a folder of programs that are built already.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
host=$(rustc -vV | sed -n 's/^host: //p')
[[ -n "$version" && -n "$host" ]] || { echo 'dist: cannot tell the version or the kind of machine' >&2; exit 1; }
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

bin_dir=${TWOCAN_BIN_DIR:-}
if [[ -z "$bin_dir" ]]; then
    # Nothing of where they are built is in the programs, so that every clone
    # makes the same.
    cargo_home=${CARGO_HOME:-$HOME/.cargo}
    target=$(scripts/target-dir.sh)
    # C compilers are told by wrappers of the same names, as OpenSSL writes down
    # the flags it was given. It would also look for modules where it was built.
    flags=(-UENGINESDIR '-DENGINESDIR="/usr/local/ssl/engines-3"'
        -UMODULESDIR '-DMODULESDIR="/usr/local/ssl/ossl-modules"')
    for folder in "$cargo_home=/cargo" "$PWD=/twocan" "$target=/target"; do
        RUSTFLAGS="${RUSTFLAGS:-} --remap-path-prefix=$folder"
        flags+=("-ffile-prefix-map=$folder")
    done
    mkdir -p "$target/compilers"
    for compiler in cc c++; do
        {
            echo '#!/usr/bin/env bash'
            printf 'exec %q "$@"%s\n' "$(command -v "$compiler")" "$(printf ' %q' "${flags[@]}")"
        } >"$target/compilers/$compiler"
        chmod +x "$target/compilers/$compiler"
    done
    PATH="$target/compilers:$PATH"
    export RUSTFLAGS PATH
    # One after the other: the registry shares no feature of the client then.
    cargo build --release --locked --package twocan --features vendored-openssl
    cargo build --release --locked --package twocan-registry
    bin_dir=$target/release
fi
mkdir -p dist
rm -f dist/*.tar.gz dist/*.deb dist/SHA256SUMS

# One archive of a folder in dist/: archive NAME
archive() {
    if tar --version 2>/dev/null | grep -q 'GNU tar'; then
        tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
            -C dist -cf - "$1" | gzip -9n >"dist/$1.tar.gz"
    else
        tar -C dist -czf "dist/$1.tar.gz" "$1"
    fi
}

# Packs one program with its papers: pack PROGRAM FILE...
pack() {
    local program=$1 name="$1-$version-$host"
    shift
    rm -rf "dist/$name"
    mkdir "dist/$name"
    install -m 0755 "$bin_dir/$program" "dist/$name/$program"
    # Debian packages take them from there, too.
    scripts/papers.sh "$bin_dir/$program" "dist/papers/$program"
    cp -R "dist/papers/$program/." "dist/$name/"
    local file
    for file in LICENSE README.md CHANGELOG.md "$@"; do
        install -m 0644 "$file" "dist/$name/$(basename "$file")"
    done
    archive "$name"
    rm -rf "dist/$name"
}

pack twocan docs/security.md docs/keys.md docs/themes.md packaging/twocan.desktop
pack twocan-registry docs/operation.md docs/registry-api.md registry/registry.example.toml \
    registry/twocan-registry.service

if [[ "${1:-}" == deb ]]; then
    for package in twocan twocan-registry; do
        # It looks for the programs in the folder of cargo's.
        cargo deb --locked --no-build --no-strip --package "$package" --output dist/
    done
fi

cd dist
files=(*.tar.gz)
if [[ "${1:-}" == deb ]]; then files+=(*.deb); fi
if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "${files[@]}" >SHA256SUMS
else
    shasum -a 256 "${files[@]}" >SHA256SUMS
fi
cat SHA256SUMS
