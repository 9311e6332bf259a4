# Makes a small Debian 12 below the directory $1 and writes it to standard output
# as a tar. $2 is Debian's mirror, $3 that of its security updates.
#
# It runs as the first process of namespaces of its own and so cleans up no
# mounts: they end with it. Go code of this package starts it.
set -eu
root=$1 mirror=$2 security=$3
exec 3>&1 >&2
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

# Above all dpkg waits for the disk. Where this fails, the disk will do.
mount -t tmpfs -o size=1g,mode=0755 mtlslab-base "$root" || true

# As in Debian's own slim image, also for what is installed later: no
# documentation, no other languages, no package kept, no daemon started.
mkdir -p "$root/etc/dpkg/dpkg.cfg.d" "$root/etc/apt/apt.conf.d" "$root/usr/sbin"
cat >"$root/etc/dpkg/dpkg.cfg.d/docker" <<'EOF'
force-unsafe-io
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/groff/*
path-exclude /usr/share/info/*
path-exclude /usr/share/lintian/*
path-exclude /usr/share/linda/*
path-exclude /usr/share/locale/*
path-include /usr/share/locale/locale.alias
path-exclude /usr/share/man/*
EOF
cat >"$root/etc/apt/apt.conf.d/docker" <<'EOF'
Acquire::GzipIndexes "true";
Acquire::Languages "none";
Apt::AutoRemove::SuggestsImportant "false";
Binary::apt::APT::Keep-Downloaded-Packages "false";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
EOF

if ! debootstrap --variant=minbase bookworm "$root" "$mirror"; then
	log="$root/debootstrap/debootstrap.log"
	if [ -s "$log" ]; then tail -n 20 "$log"; fi
	exit 1
fi

printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"

# debootstrap writes the release alone. A mirror that lacks the others would make
# every later `apt-get update` complain.
sources="deb $mirror bookworm main"
for extra in "deb $mirror bookworm-updates main" "deb $security bookworm-security main"; do
	echo "$extra" >"$root/etc/apt/sources.list"
	if chroot "$root" apt-get -qq update -o APT::Update::Error-Mode=any \
		-o Acquire::Retries=0 -o Acquire::http::Timeout=10 >/dev/null 2>&1; then
		sources="$sources
$extra"
	else
		echo "mtlslab: left out, for it cannot be read: $extra"
	fi
done
echo "$sources" >"$root/etc/apt/sources.list"

echo "mtlslab: packing"
cd "$root"
chroot . apt-get clean
rm -rf var/lib/apt/lists/* var/cache/apt/*.bin var/cache/debconf/*-old var/lib/dpkg/*-old tmp/*
rm -rf usr/share/groff usr/share/info usr/share/lintian usr/share/linda
find usr/share/doc -depth \( -type f -o -type l \) ! -name copyright -delete
find usr/share/doc -depth -type d -empty -delete
find usr/share/locale -mindepth 1 -depth ! -name locale.alias -delete
# The directories stay: packages with alternatives for pages want them.
find usr/share/man \( -type f -o -type l \) -delete
find var/log -type f -exec truncate -s 0 {} +
# What debootstrap copied from this host; the engine gives each container its own.
rm -f etc/hostname etc/resolv.conf
tar --create --numeric-owner --sort=name --one-file-system --exclude='./dev/*' . >&3
