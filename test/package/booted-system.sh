# A system of its own for a test of systemd: this machine's files, over which it writes in memory; and systemd as its first process.
# Run as the first process of namespaces of its own (`unshare --mount --pid --net --uts --ipc --cgroup --fork`).
# usage: booted-system.sh SCRATCH CHECKOUT
set -eu
scratch=$1 checkout=$2 root=$1/root
mkdir -p "$scratch/layer" "$root"
mount -t tmpfs tmpfs "$scratch/layer"
mkdir "$scratch/layer/upper" "$scratch/layer/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$scratch/layer/upper,workdir=$scratch/layer/work" "$root"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
# Nothing of this machine's own is started there.
rm -f "$root"/etc/systemd/system/*.wants/* "$root/etc/machine-id"
: >"$root/etc/machine-id"
: >"$root/etc/fstab"
ip link set lo up
ip link add near mtu 9000 type veth peer name far mtu 9000
ip link set near up
ip link set far up
sh "$checkout/scripts/install-systemd" --root "$root"
mkdir -p "$root/srv"
truncate -s 64M "$root/srv/web.img"
rm -rf "$root/etc/vblade.conf.d"
cat >"$root/etc/vblade/vblade.toml" <<END
[disk.web]
file = "/srv/web.img"
[disk.web.aoe]
address = "9.0"
netif = ["near"]
END
echo "installed"
exec chroot "$root" env -i container=test PATH="$PATH" /lib/systemd/systemd --system --unit=multi-user.target
