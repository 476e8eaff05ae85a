#!/usr/bin/env bash
# Installs what the lab needs and is not there yet: Debian packages, and for each kernel named (default: $LAB_KERNEL or
# 6.1) its image, its modules and an initramfs, in the cache folder. Nothing is installed that is there already, and the
# kernels are unpacked, never installed.
#   lab/install.sh [6.1] [6.12]
set -euo pipefail

lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${LVS_DIRECTOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lvs-director}
kernels=("$@")
[ ${#kernels[@]} -gt 0 ] || kernels=("${LAB_KERNEL:-6.1}")

say() { printf 'lab: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Package and a file that it brings.
needed=(
  iproute2:ip nftables:nft ipvsadm:ipvsadm tcpdump:tcpdump curl:curl kmod:depmod procps:sysctl util-linux:setpriv
)
if [ "${LAB:-}" != native ]; then
  needed+=(qemu-system-x86:qemu-system-x86_64 busybox-static:busybox cpio:cpio xz-utils:xz)
else
  needed+=(busybox-static:busybox)
fi
PATH=$PATH:/usr/sbin:/sbin
missing=()
for pair in "${needed[@]}"; do
  command -v "${pair#*:}" >/dev/null || missing+=("${pair%%:*}")
done
apt_ready=
apt_update() {
  [ -z "$apt_ready" ] || return 0
  [ "$(id -u)" = 0 ] || die "root is needed to read Debian's package lists"
  command -v apt-get >/dev/null || die 'this is not Debian: see docs/development.md for what the lab needs'
  apt-get update -qq >&2 || die 'apt-get update failed'
  apt_ready=1
}
if [ ${#missing[@]} -gt 0 ]; then
  say "installing ${missing[*]}"
  apt_update
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null || die "cannot install ${missing[*]}"
fi
[ "${LAB:-}" != native ] || exit 0

fetch_kernel() { # fetch_kernel NAME DIRECTORY
  local meta work image release
  case $1 in
    6.1) meta=linux-image-amd64 ;;
    6.12) meta=linux-image-6.12-amd64 ;;
    *) die "LAB_KERNEL is $1; there are 6.1 and 6.12" ;;
  esac
  apt_update
  image=$(apt-cache depends "$meta" | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1)
  [ -n "$image" ] || die "Debian's package lists have no $meta"
  say "fetching kernel $1 ($image)"
  work=$(mktemp -d "$cache/fetch.XXXXXX")
  (
    cd "$work"
    # Fetched as root: the unprivileged user of apt may not write here.
    apt-get -o APT::Sandbox::User=root download -qq "$image" >&2
    dpkg-deb -x ./*.deb root
  ) || die "cannot fetch $image"
  release=$(ls "$work/root/lib/modules")
  mkdir -p "$work/kernel/lib/modules"
  mv "$work/root/lib/modules/$release" "$work/kernel/lib/modules/"
  mv "$work/root/boot/vmlinuz-$release" "$work/kernel/vmlinuz"
  depmod -b "$work/kernel" "$release"
  printf '%s\n' "$release" >"$work/kernel/release"
  rm -rf "$2"
  mv "$work/kernel" "$2"
  rm -rf "$work"
}

make_initramfs() { # make_initramfs KERNEL-DIRECTORY TARGET
  local root release path name
  release=$(cat "$1/release")
  root=$(mktemp -d "$cache/initramfs.XXXXXX")
  mkdir -p "$root"/{bin,dev,proc,sys,modules,root,host}
  cp "$(command -v busybox)" "$root/bin/busybox"
  cp "$lab/guest/init.sh" "$root/init"
  chmod 755 "$root/init"
  : >"$root/modules.order"
  # Each module after those that it needs; a line "builtin" has nothing to load.
  for name in virtio_pci virtio_net 9p 9pnet_virtio overlay; do
    modprobe -d "$1" -S "$release" --show-depends "$name" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
  done | awk '!seen[$0]++' | while read -r path; do
    name=$(basename "$path")
    name=${name%.xz}
    case $path in
      *.xz) xz -dc "$path" >"$root/modules/$name" ;;
      *) cp "$path" "$root/modules/$name" ;;
    esac
    printf '%s\n' "$name" >>"$root/modules.order"
  done
  (cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$2.part"
  mv "$2.part" "$2"
  rm -rf "$root"
}

mkdir -p "$cache"
for kernel in "${kernels[@]}"; do
  directory=$cache/kernel-$kernel
  # Two runs at the same time must not fetch into the same folder.
  exec 9>"$cache/kernel-$kernel.lock"
  flock 9
  [ -s "$directory/release" ] || fetch_kernel "$kernel" "$directory"
  key=$(cat "$lab/guest/init.sh" "$lab/install.sh" | sha256sum | cut -c1-16)
  [ -s "$directory/initramfs-$key" ] || {
    rm -f "$directory"/initramfs-*
    make_initramfs "$directory" "$directory/initramfs-$key"
  }
  exec 9>&-
done
