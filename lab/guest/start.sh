# The guest's first process after the initramfs: the rest of the mounts, the network card that leads to the host, the daemon.
# It stays as process 1, reaps what loses its parent, and switches the machine off when the daemon ends.
. /run/lab/boot.env
export PATH="$LAB_NODE_DIR:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME=/root LANG=C.UTF-8 TERM="${LAB_TERM:-linux}"
fail() {
  echo "failed: $*" >/dev/ttyS1
  /run/busybox poweroff -f
}
bb=/run/busybox
$bb mkdir -p /dev/pts /dev/shm
$bb mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
$bb mount -t tmpfs shm /dev/shm
$bb mount -t cgroup2 cgroup2 /sys/fs/cgroup
[ -e /dev/fd ] || $bb ln -s /proc/self/fd /dev/fd
$bb hostname lab
# A shared /run/netns from the beginning: parallel `ip netns add` would race to make it.
$bb mkdir -p /run/netns
$bb mount --bind /run/netns /run/netns
$bb mount --make-shared /run/netns
ip -batch - <<END || fail 'the network card could not be configured'
link set lo up
link set eth0 up
address add 10.0.2.15/24 dev eth0
route add default via 10.0.2.2
END
modprobe ip_vs || fail 'the kernel has no IPVS'
ulimit -n 65536
cd /
LAB_REPORT=/dev/ttyS1 LAB_LISTEN=10.0.2.15:7000 "$LAB_NODE" "$LAB_PROJECT/lab/guest/daemon.ts" &
daemon=$!
wait $daemon
fail "the daemon ended with status $?"
