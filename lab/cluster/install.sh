#!/usr/bin/env bash
# Makes a Kubernetes control plane's programs available where they are not yet: kube-apiserver, etcd, kube-controller-manager
# and kubectl, built from lab/cluster/kubernetes into the cache folder. With KUBEBUILDER_ASSETS, a folder that has them,
# nothing is built.
#   lab/cluster/install.sh
set -euo pipefail

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/kubernetes" && pwd)
cache=${LVS_DIRECTOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lvs-director}
programs=(kube-apiserver etcd kube-controller-manager kubectl)

say() { printf 'cluster: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

need_openssl() {
  command -v openssl >/dev/null && return
  command -v apt-get >/dev/null || die 'openssl, which makes the certificates, is missing; please install it'
  [ "$(id -u)" = 0 ] || die 'only root can install packages; please run: apt-get install openssl'
  say 'installing openssl'
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends openssl; } >/dev/null ||
    die 'cannot install openssl'
}

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
  for program in kube-apiserver etcd kubectl; do
    [ -x "$KUBEBUILDER_ASSETS/$program" ] ||
      die "KUBEBUILDER_ASSETS is $KUBEBUILDER_ASSETS, which has no program $program; put it there, or unset the variable to build all of them"
  done
  [ -x "$KUBEBUILDER_ASSETS/kube-controller-manager" ] ||
    say "$KUBEBUILDER_ASSETS has no kube-controller-manager: no EndpointSlices are made from Services and Pods, namespaces get no ServiceAccounts and are never removed, and nothing is removed with its owner"
  need_openssl
  exit 0
fi

key=$(cd "$source" && cat main.go go.mod go.sum flags | sha256sum | cut -c1-16)
directory=$cache/kubernetes-$key
if [ -x "$directory/kubernetes" ]; then
  need_openssl
  exit 0
fi

wanted=$(sed -nE 's/^go 1\.([0-9]+).*/\1/p' "$source/go.mod")
other_ways="Install Go 1.$wanted or newer, or set KUBEBUILDER_ASSETS to a folder with kube-apiserver, etcd and kubectl. \`make check\` and the kernel tests need neither."
command -v go >/dev/null || die "building kube-apiserver needs Go, and there is no go in PATH. $other_ways"
# The version that is installed, not one that go would fetch.
version=$(GOTOOLCHAIN=local go version 2>&1 || :)
minor=$(sed -nE 's/^go version go1\.([0-9]+).*/\1/p' <<<"$version")
[ "${minor:-0}" -ge "$wanted" ] || die "building kube-apiserver needs Go 1.$wanted, and this is: $version. $other_ways"
need_openssl

mkdir -p "$cache"
# Two runs at the same time must not build twice.
exec 9>"$cache/kubernetes.lock"
flock --nonblock 9 || {
  say 'another run builds the control plane; waiting for it'
  flock 9
}
[ ! -x "$directory/kubernetes" ] || exit 0

log=$(mktemp "${TMPDIR:-/tmp}/lvs-director-build.XXXXXX")
building=
clean_up() {
  [ -z "$building" ] || kill "$building" 2>/dev/null || :
  rm -rf "$log" "$directory.part"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Tells every so often that it is still at work: on a terminal one line that changes, elsewhere a new one each half minute.
# Ends when its input is closed, thus also with whoever holds the other end. A signal must not end it: one that comes before
# a subshell has put its own handlers in place runs this script's clean_up there.
tick() { # tick WHAT
  local end=$'\n' every=30 began=$SECONDS code
  if [ -t 2 ]; then
    end=$'\r' every=1
  fi
  while :; do
    code=0
    read -rt "$every" || code=$?
    # More than 128: the time is over.
    [ "$code" -gt 128 ] || return 0
    printf 'cluster: %s: %d s, %d packages done%s' "$1" $((SECONDS - began)) "$(wc -l <"$log")" "$end" >&2
  done
}

watched() { # watched WHAT COMMAND...
  local code=0 ticker ticking
  exec {ticker}> >(
    trap - EXIT INT TERM
    tick "$1" 9>&-
  )
  ticking=$!
  # -v names each package on stderr when it is compiled.
  (cd "$source" && exec "${@:2}") >"$log" 2>&1 9>&- {ticker}>&- &
  building=$!
  wait "$building" || code=$?
  building=
  exec {ticker}>&-
  wait "$ticking" || :
  [ ! -t 2 ] || printf '\033[K' >&2
  [ "$code" = 0 ] || {
    tail -n 20 "$log" >&2
    die "building the control plane failed in '${*:2:2}'"
  }
}

export CGO_ENABLED=0 GOFLAGS=-mod=readonly GOTOOLCHAIN=local
mapfile -t flags <"$source/flags"
say 'building kube-apiserver, etcd, kube-controller-manager and kubectl, once. With nothing in the caches of Go this fetches 0.8 GB of modules, takes 7 to 11 minutes on two processors, and 5 GB of disk'
rm -rf "$directory.part"
mkdir "$directory.part"
watched 'fetching modules' go list -deps .
packages=$(wc -l <"$log")
watched "compiling, $packages packages" go build -v "${flags[@]}" -o "$directory.part/kubernetes" .
for program in "${programs[@]}"; do ln -s kubernetes "$directory.part/$program"; done
mv "$directory.part" "$directory"
for old in "$cache"/kubernetes-*; do
  [ "$old" = "$directory" ] || rm -rf "$old"
done
say "built in $SECONDS s: $directory"
