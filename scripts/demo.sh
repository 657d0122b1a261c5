#!/usr/bin/env bash
# A registry, a contact that answers, and a client to talk to it, all on this
# machine. What runs in the background ends with the client.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly READY_SECONDS=30
demo=$PWD/data/demo
target_dir=$(scripts/target-dir.sh)
registry_pid=
echo_pid=

say() { printf 'demo: %s\n' "$*"; }
fail() {
    printf 'demo: %s\n' "$*" >&2
    for log in "$demo"/registry.log "$demo"/echo.log; do
        [[ -s "$log" ]] && { printf -- '--- the end of %s\n' "$log" >&2; tail -n 20 "$log" >&2; }
    done
    echo 'demo: if another demo is running, leave that one first; deleting data/demo begins afresh' >&2
    exit 1
}

# Ends what was started, by number, and waits for it.
clean_up() {
    local pid
    for pid in $echo_pid $registry_pid; do
        kill -TERM "$pid" 2>/dev/null || true
    done
    for pid in $echo_pid $registry_pid; do
        wait "$pid" 2>/dev/null || true
    done
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Waits until a process has written a line with a pattern: FILE PATTERN PID WHAT
wait_for_line() {
    local tries=$((READY_SECONDS * 10))
    until grep -q -- "$2" "$1" 2>/dev/null; do
        kill -0 "$3" 2>/dev/null || fail "$4 ended before it was ready"
        ((tries-- > 0)) || fail "$4 was not ready within $READY_SECONDS seconds"
        sleep 0.1
    done
}

say 'building (the first time takes some minutes)'
cargo build --release --locked --package twocan --package twocan-registry
twocan=$target_dir/release/twocan
registry=$target_dir/release/twocan-registry

mkdir -p "$demo/registry" "$demo/echo" "$demo/me"

# The client remembers its registry: the next demo uses the same address.
listen=$(cat "$demo/address" 2>/dev/null || echo 127.0.0.1:0)

say 'starting a registry'
"$registry" serve --data "$demo/registry" --listen "$listen" >"$demo/registry.out" 2>"$demo/registry.log" &
registry_pid=$!
wait_for_line "$demo/registry.out" '^listening ' "$registry_pid" 'the registry'
url=$(sed -n 's/^listening //p' "$demo/registry.out" | head -n 1)
address=${url#https://}
printf '%s\n' "${address%%#*}" >"$demo/address"

say 'starting the contact "echo"'
"$twocan" echo --data "$demo/echo" --listen 127.0.0.1:0 --name echo --registry "$url" --sign-up \
    >"$demo/echo.out" 2>"$demo/echo.log" &
echo_pid=$!
wait_for_line "$demo/echo.out" '.' "$echo_pid" 'the contact "echo"'

# The client opens signed in, with an account of its own. The session is kept
# in its profile, as that of a user is.
if ! grep -qs '"id":1,"ok"' "$demo/sign-in.out"; then
    name=$(id -un | tr -cd '[:alnum:]' | cut -c 1-20)
    case "$name" in '' | echo | root) name=me ;; esac
    say "making the account \"$name\""
    [[ -s "$demo/password" ]] || (umask 077 && head -c 18 /dev/urandom | base64 >"$demo/password")
    printf '{"id":1,"do":"sign_in","registry":"%s","username":"%s","password":"%s","register":true}\n' \
        "$url" "$name" "$(cat "$demo/password")" |
        "$twocan" headless --data "$demo/me" --no-passphrase --no-lan --listen 127.0.0.1:0 --name "$name" \
            >"$demo/sign-in.out" 2>"$demo/sign-in.log" || true
    grep -q '"id":1,"ok"' "$demo/sign-in.out" || fail "no account was made: $(tail -n 1 "$demo/sign-in.out" "$demo/sign-in.log")"
fi

say "opening the client; the registry is $url, the account's password in data/demo/password"
say 'the contact "echo" says everything back: write to it, call it'
# A port of its own, so that a twocan in daily use is not in the way.
"$twocan" --data "$demo/me" --no-passphrase --listen 127.0.0.1:0 --registry "$url" --add echo
