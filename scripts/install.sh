#!/bin/sh
# Installs what `make check` needs and is not there yet: Debian packages, then node_modules. Does nothing when nothing
# is missing.
set -eu
cd "$(dirname "$0")/.."

missing=
need() { # need COMMAND PACKAGE...
  command=$1
  shift
  command -v "$command" >/dev/null || missing="$missing $*"
}
need git git
need make make
need curl curl
need npm nodejs npm
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing="$missing ca-certificates"

if [ -n "$missing" ]; then
  if ! command -v apt-get >/dev/null; then
    echo "install: this is no Debian machine; please install:$missing" >&2
    exit 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    echo "install: only root can install packages; please run: apt-get install$missing" >&2
    exit 1
  fi
  echo "install: installing$missing"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q=2
  # One word for each package.
  # shellcheck disable=SC2086
  apt-get install -q=2 --yes --no-install-recommends $missing >/dev/null
fi

if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  # Not `npm ci`: it refuses a lock file without every optional package, and this one leaves out those of other platforms.
  # Versions and checksums come from the lock file all the same, and --no-save keeps it as it is.
  npm install --no-save --no-audit --no-fund --loglevel=error
  touch node_modules/.package-lock.json
fi
