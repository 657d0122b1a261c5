#!/usr/bin/env bash
# Makes a development certificate for localhost: certs/dev.crt and certs/dev.key.
# Leaves an existing one alone.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ -s certs/dev.crt && -s certs/dev.key ]]; then
    echo 'certs: certs/dev.crt is there already; delete it to make a new one'
    exit 0
fi
command -v openssl >/dev/null 2>&1 || { echo 'certs: openssl is needed; or start the registry, which makes its own certificate' >&2; exit 1; }

umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 \
    -subj '/CN=localhost' -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1' \
    -keyout certs/dev.key -out certs/dev.crt 2>/dev/null
fingerprint=$(openssl x509 -in certs/dev.crt -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr 'A-F' 'a-f')
echo "certs: made certs/dev.crt and certs/dev.key, sha256-$fingerprint"
echo 'certs: use them with  twocan-registry serve --cert certs/dev.crt --key certs/dev.key'
