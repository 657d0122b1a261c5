#!/usr/bin/env bash
# Installs what building (`build`) and testing (`test`) need and the machine
# lacks. Says what it does; does nothing, quickly, when nothing is missing.
#
#   scripts/deps.sh build        to build and run
#   scripts/deps.sh build test   to run the tests as well
#   scripts/deps.sh build test ci   to leave none of them out: a browser to
#                                   call, networks of our own
#   scripts/deps.sh build dist      for programs to give away
#   scripts/deps.sh build pipewire  for the client's feature of that name
set -euo pipefail

readonly RUST_NEEDED=1.91

say() { printf 'deps: %s\n' "$*"; }
fail() { printf 'deps: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# The package manager decides the names of packages.
detect_system() {
    if [[ "$(uname -s)" == Darwin ]]; then
        echo brew
    elif has apt-get; then
        echo apt
    elif has dnf; then
        echo dnf
    elif has pacman; then
        echo pacman
    else
        echo unknown
    fi
}

# True if the ALSA headers are there; macOS has CoreAudio instead.
has_sound_headers() {
    [[ "$(uname -s)" == Darwin ]] && return 0
    has pkg-config && pkg-config --exists alsa
}

# True if the headers of OpenSSL are there; macOS has its own cryptography.
has_openssl_headers() {
    [[ "$(uname -s)" == Darwin ]] && return 0
    has pkg-config && pkg-config --exists libcrypto
}

# True if some Python has the mail server that tests send to.
has_aiosmtpd() {
    local python
    for python in /usr/bin/python3 python3; do
        if "$python" -c 'import aiosmtpd' >/dev/null 2>&1; then return 0; fi
    done
    return 1
}

# True if there is the library that reads C headers.
has_libclang() {
    local libraries=(/usr/lib*/libclang[.-]*so* /usr/lib/*/libclang[.-]*so* /usr/lib/llvm*/lib/libclang[.-]*so*)
    local library
    for library in "${libraries[@]}"; do
        [[ -e "$library" ]] && return 0
    done
    return 1
}

# Prints the name of each thing that is missing, for one level.
missing_for() {
    case "$1" in
    build)
        has cc || echo compiler
        has make || echo make
        has cmake || echo cmake
        has pkg-config || echo pkg-config
        has_sound_headers || echo sound-headers
        has_openssl_headers || echo openssl-headers
        ;;
    dist)
        # OpenSSL is configured by it.
        has perl || echo perl
        ;;
    test)
        has espeak-ng || echo espeak-ng
        has_aiosmtpd || echo aiosmtpd
        # A desktop's PipeWire takes the place of the PulseAudio daemon and
        # the packages remove each other: a user's sound is not ours to break.
        if ! has pulseaudio && ! has pipewire-pulse; then echo pulseaudio; fi
        if ! has pactl || ! has parec; then echo pulseaudio-utils; fi
        ;;
    ci)
        has chromium || echo chromium
        has ip || echo iproute2
        ;;
    pipewire)
        { has pkg-config && pkg-config --exists libpipewire-0.3; } || echo pipewire-headers
        has_libclang || echo libclang
        ;;
    esac
}

# Ends with an error if there is no such level.
check_level() {
    case "$1" in
    build | test | ci | dist | pipewire) ;;
    *) fail "unknown level '$1': use build, test, ci, dist or pipewire" ;;
    esac
}

# Prints the package of a thing on a system; nothing where the system has it.
package_for() {
    case "$1:$2" in
    apt:compiler) echo gcc libc6-dev ;;
    apt:sound-headers) echo libasound2-dev ;;
    apt:openssl-headers) echo libssl-dev ;;
    apt:pipewire-headers) echo libpipewire-0.3-dev ;;
    apt:libclang) echo libclang-dev ;;
    apt:aiosmtpd | dnf:aiosmtpd) echo python3-aiosmtpd ;;
    dnf:compiler) echo gcc glibc-devel ;;
    dnf:sound-headers) echo alsa-lib-devel ;;
    dnf:openssl-headers) echo openssl-devel ;;
    dnf:pkg-config) echo pkgconf-pkg-config ;;
    dnf:perl) echo perl-interpreter perl-core ;;
    dnf:pipewire-headers) echo pipewire-devel ;;
    dnf:libclang) echo clang-devel ;;
    pacman:pipewire-headers) echo libpipewire ;;
    pacman:libclang) echo clang ;;
    *:pipewire-headers) fail 'the feature pipewire is for Linux' ;;
    pacman:compiler) echo gcc ;;
    pacman:sound-headers) echo alsa-lib ;;
    pacman:openssl-headers) echo openssl ;;
    pacman:pkg-config) echo pkgconf ;;
    pacman:pulseaudio-utils) echo libpulse ;;
    pacman:aiosmtpd) echo python-aiosmtpd ;;
    brew:compiler) fail 'no C compiler: run xcode-select --install, then try again' ;;
    brew:make | brew:perl) fail "no $2: run xcode-select --install, then try again" ;;
    brew:aiosmtpd) fail 'no aiosmtpd: run python3 -m pip install --user aiosmtpd, then try again' ;;
    brew:pkg-config) echo pkgconf ;;
    brew:pulseaudio-utils) echo pulseaudio ;;
    *) echo "$2" ;;
    esac
}

# Runs a command as root.
as_root() {
    if [[ "$(id -u)" == 0 ]]; then
        "$@"
    elif has sudo; then
        sudo "$@"
    else
        fail "run this as root, or install sudo: $*"
    fi
}

install_packages() {
    local system=$1
    shift
    say "installing: $*"
    case "$system" in
    apt)
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
        ;;
    dnf) as_root dnf install -q -y "$@" ;;
    pacman) as_root pacman -S --needed --noconfirm "$@" ;;
    brew)
        has brew || fail "Homebrew is needed to install: $* (see https://brew.sh)"
        brew install --quiet "$@"
        ;;
    esac
}

check_rust() {
    if ! has cargo && [[ -x "$HOME/.cargo/bin/cargo" ]]; then
        fail "cargo is in $HOME/.cargo/bin but not in PATH: run  . \"$HOME/.cargo/env\"  and try again"
    fi
    has cargo || fail "Rust $RUST_NEEDED or newer is needed: install it from https://rustup.rs and try again"
    local version
    version=$(cargo --version | awk '{ print $2 }')
    if [[ "$(printf '%s\n%s\n' "$RUST_NEEDED" "$version" | sort -V | head -n 1)" != "$RUST_NEEDED" ]]; then
        fail "Rust $RUST_NEEDED or newer is needed, this is $version: run  rustup update  and try again"
    fi
}

main() {
    [[ $# -gt 0 ]] || set -- build
    check_rust

    local level thing system
    for level in "$@"; do check_level "$level"; done

    local -a missing=() packages=()
    for level in "$@"; do
        while read -r thing; do
            [[ -n "$thing" ]] && missing+=("$thing")
        done < <(missing_for "$level")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0

    say "missing: ${missing[*]}"
    system=$(detect_system)
    [[ "$system" != unknown ]] || fail "install these with your package manager and try again: ${missing[*]}"
    local names
    for thing in "${missing[@]}"; do
        names=$(package_for "$system" "$thing")
        read -r -a names <<<"$names"
        packages+=("${names[@]}")
    done
    install_packages "$system" "${packages[@]}"

    for level in "$@"; do
        thing=$(missing_for "$level" | tr '\n' ' ')
        [[ -z "$thing" ]] || fail "still missing after installing: $thing"
    done
    say 'everything is there'
}

main "$@"
