#!/bin/sh
# Installs one version of Fluent Bit from its own apt repository: install-fluent-bit.sh VERSION URL, where URL is what Fluent Bit's
# installation guide names: its fluentbit.key signs URL/DISTRIBUTION/CODENAME.
set -eu
if [ -z "${1:-}" ] || [ -z "${2:-}" ]; then
    echo "say which version, and from where: make fluent-bit FLUENT_BIT_VERSION=5.1.1 FLUENT_BIT_PACKAGES=URL, with the URL of" >&2
    echo "Fluent Bit's package server that its installation guide for Linux names" >&2
    exit 2
fi
[ "$(id -u)" = 0 ] || { echo "packages are installed by root: sudo make fluent-bit ..." >&2; exit 2; }
version=$1 url=${2%/}
# shellcheck source=/dev/null
. /etc/os-release
key=/etc/apt/keyrings/fluent-bit.asc
list=/etc/apt/sources.list.d/fluent-bit.list
mkdir -p /etc/apt/keyrings
curl -fsSL "$url/fluentbit.key" -o "$key"
chmod 644 "$key"
echo "deb [signed-by=$key] $url/$ID/$VERSION_CODENAME $VERSION_CODENAME main" >"$list"
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq install --allow-downgrades "fluent-bit=$version" >/dev/null
/opt/fluent-bit/bin/fluent-bit --version
