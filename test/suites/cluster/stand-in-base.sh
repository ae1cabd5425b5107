#!/bin/sh
# Makes what stands in for the Dockerfiles' golang and python images: stand-in-base.sh OUT.tar GOROOT. A Debian of the release that the
# Dockerfile names, with the packages that its steps use and this machine's Go; no registry is asked. As root.
set -eu
out=$1 goroot=$2
suite=bookworm
mirror=http://deb.debian.org/debian
# shellcheck source=/dev/null
if [ "$(. /etc/os-release; echo "$ID")" = debian ]; then
    # shellcheck disable=SC2016 # apt-get fills SITE in
    mirror=$(apt-get indextargets --format '$(SITE)' "Codename: $suite" 2>/dev/null | grep -v security | head -n 1 | grep . || echo "$mirror")
fi
root=$(mktemp -d)
trap 'rm -rf "$root" "$out.tmp"' EXIT
# In a mount namespace of its own, which ends with it: debootstrap mounts /proc into the root.
unshare --mount debootstrap --variant=minbase --include=ca-certificates,make,git,python3-pip,binutils "$suite" "$root/rootfs" "$mirror" >"$root/log" 2>&1 ||
    { tail -n 20 "$root/log" >&2; exit 1; }
rm -rf "$root/rootfs/var/cache/apt" "$root/rootfs/var/lib/apt/lists" "$root/rootfs/usr/share/doc"
mkdir -p "$root/rootfs/usr/local/go"
tar -C "$goroot" --exclude ./test --exclude ./doc --exclude ./api -cf - . | tar -C "$root/rootfs/usr/local/go" -xf -
# Whom this machine trusts, a proxy's own authority included, and where it gets modules and wheels.
cp /etc/ssl/certs/ca-certificates.crt "$root/rootfs/etc/ssl/certs/ca-certificates.crt"
tar -C "$root/rootfs" --numeric-owner -cf "$out.tmp" .
mv "$out.tmp" "$out"
