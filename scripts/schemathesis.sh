#!/usr/bin/env bash
# Tries a real registry with everything that its own description allows, and with
# what it does not (https://schemathesis.io). Left out, with a message, where
# schemathesis is missing.
#
#   scripts/schemathesis.sh [SECONDS]     how long it may try, 60 unless given
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
schemathesis=${SCHEMATHESIS:-schemathesis}
if ! command -v "$schemathesis" >/dev/null 2>&1; then
    echo 'left out: the test of the registry by its description needs schemathesis'
    echo '(python3 -m venv VENV && VENV/bin/pip install schemathesis, then SCHEMATHESIS=VENV/bin/schemathesis)'
    exit 0
fi

target_dir=$(scripts/target-dir.sh)
cargo build --locked --package twocan-registry
program=$target_dir/debug/twocan-registry
folder=$(mktemp -d)
pid=
finish() {
    [[ -z "$pid" ]] || kill "$pid" 2>/dev/null || true
    [[ -z "$pid" ]] || wait "$pid" 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT

mkdir "$folder/static"
echo hello >"$folder/static/x"
export TWOCAN_REGISTRY_BCRYPT_COST=4 TWOCAN_REGISTRY_STATIC_DIR=$folder/static
mkfifo "$folder/said"
"$program" serve --data "$folder/data" --listen 127.0.0.1:0 >"$folder/said" 2>"$folder/log" &
pid=$!
read -r _ url <"$folder/said"
url=${url%%#*}

# Somebody to be signed in as. Her token may be signed out on the way; what is
# answered then must be as described, too.
token=$(curl -sk "$url/sessions" -H 'Content-Type: application/json' \
    -d '{"username": "tester", "password": "open sesame", "register": true}' |
    sed 's/.*"token":"\([^"]*\)".*/\1/')

try() {
    "$schemathesis" --config-file scripts/schemathesis.toml run "$url/openapi.json" \
        --tls-verify=false --no-color --max-time "$seconds" --continue-on-failure "$@"
}
# As a stranger, then with a session. Signing out is tried by the stranger alone.
try
try --header "Authorization: Bearer $token" \
    --exclude-path /sessions/current --exclude-path /sessions --exclude-path /account/password

# It is still there, and nothing in it has failed.
curl -skf "$url/healthz" >/dev/null
if grep -E 'ERROR|panicked' "$folder/log"; then
    exit 1
fi
