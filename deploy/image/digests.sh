#!/bin/sh
# Asks the registry for the digest of each base image that versions.mk names, and writes them there; that of 3.x into the Dockerfile too.
set -eu

# header NAME prints that header of what comes in.
header() { tr -d '\r' | awk -v name="$1:" 'tolower($1) == name { sub(/^[^ ]* /, ""); print }'; }

digest() {
    image=$(sed -n "s/^FLUENT_BIT_IMAGE_$1 ?= //p" versions.mk)
    host=${image%%/*} tag=${image##*:} name=${image#*/}
    name=${name%:*}
    case $host in
    127.0.0.1:*) url=http://$host/v2/$name/manifests/$tag ;;
    *) url=https://$host/v2/$name/manifests/$tag ;;
    esac
    # Who pulls without a password needs a token all the same, and is told where to get it.
    challenge=$(curl -sS -I "$url" | header www-authenticate)
    part() { echo "$challenge" | sed -n "s/.*$1=\"\([^\"]*\)\".*/\1/p"; }
    token=
    if [ -n "$challenge" ]; then
        token=$(curl -fsS -G "$(part realm)" --data-urlencode "service=$(part service)" --data-urlencode "scope=repository:$name:pull" |
            sed -n 's/.*"token" *: *"\([^"]*\)".*/\1/p')
    fi
    # The digest of the index, which is for every architecture.
    found=$(curl -fsS -I -H 'Accept: application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json' \
        ${token:+-H "Authorization: Bearer $token"} "$url" | header docker-content-digest)
    case $found in
    sha256:*) echo "$found" ;;
    *) echo "the registry has no digest for $image: $found" >&2; return 1 ;;
    esac
}

# Both before the first is written: a registry that cannot be reached changes nothing.
three=$(digest 3)
two=$(digest 2)
sed -i "s/^FLUENT_BIT_DIGEST_3 ?=.*/FLUENT_BIT_DIGEST_3 ?= $three/; s/^FLUENT_BIT_DIGEST_2 ?=.*/FLUENT_BIT_DIGEST_2 ?= $two/" versions.mk
sed -i "s/^ARG FLUENT_BIT_DIGEST=.*/ARG FLUENT_BIT_DIGEST=$three/" Dockerfile
echo "3.x $three"
echo "2.x $two"
