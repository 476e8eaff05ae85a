#!/bin/busybox sh
# The first process of the guest, in its initramfs: loads the modules named in /modules.order, mounts the host's root
# read-only with a writable layer of memory above it, and goes on with start.sh from the checkout.
export PATH=/bin
# The second serial line tells the host how far the guest came; the first is the console.
fail() {
  echo "failed: $*" >/dev/ttyS1
  /bin/busybox poweroff -f
}
/bin/busybox --install -s /bin
mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys

while read -r module; do
  insmod "/modules/$module" || fail "module $module could not be loaded"
done </modules.order

nine() { # nine TAG DIRECTORY CACHE
  mkdir -p "$2"
  mount -t 9p -o "trans=virtio,version=9p2000.L,msize=524288,cache=$3,ro" "$1" "$2" || fail "the folder $1 of the host could not be mounted"
}
nine host /host loose
mkdir -p /memory
mount -t tmpfs -o size=75%,mode=755 memory /memory
mkdir -p /memory/upper /memory/work /root
# Everything is writable in the guest and nothing reaches the host, wherever the checkout lies.
mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work root /root || fail 'no overlay on the root of the host'

cd /root || fail 'no root'
mkdir -p dev proc sys run lib/modules tmp
mount --move /dev dev
mount --move /proc proc
mount --move /sys sys
mount -t tmpfs -o mode=755 run run
nine modules run/modules loose
mount --bind run/modules lib/modules || fail 'no /lib/modules'
nine lab run/lab none
cp /bin/busybox run/busybox

. run/lab/boot.env
exec switch_root /root /bin/sh "$LAB_PROJECT/lab/guest/start.sh"
