#!/bin/sh
# Asks the registry for the digest of each base image that versions.mk names, and writes them there; that of 3.x into the Dockerfile too.
set -eu
digest() {
    image=$(sed -n "s/^FLUENT_BIT_IMAGE_$1 ?= //p" versions.mk)
    found=$(docker buildx imagetools inspect "$image" --format '{{.Manifest.Digest}}')
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
