#!/bin/sh
# Installs Debian packages that are missing: debian-packages.sh WHAT:PACKAGE..., where WHAT is a program or a file that tells whether
# the package is there. Without root or apt-get it says what to install, which is an error only where CI is true.
set -eu
missing=
for pair in "$@"; do
    what=${pair%:*}
    command -v "$what" >/dev/null || [ -e "$what" ] || missing="$missing ${pair##*:}"
done
[ -n "$missing" ] || exit 0
# shellcheck disable=SC2086 # a list of words
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing$missing" >&2
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $missing >/dev/null
    exit 0
fi
echo "not installed here:$missing; as root: apt-get install$missing" >&2
[ "${CI:-}" != true ]
