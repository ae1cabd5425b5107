#!/bin/sh
# Asks the registry for the digest of each base image that versions.mk names, and writes it there; that of 3.x into the Dockerfile too.
set -eu
for base in 3 2; do
    image=$(sed -n "s/^FLUENT_BIT_IMAGE_$base ?= //p" versions.mk)
    digest=$(docker buildx imagetools inspect "$image" --format '{{.Manifest.Digest}}')
    case $digest in
    sha256:*) ;;
    *) echo "the registry has no digest for $image: $digest" >&2; exit 1 ;;
    esac
    sed -i "s/^FLUENT_BIT_DIGEST_$base ?=.*/FLUENT_BIT_DIGEST_$base ?= $digest/" versions.mk
    [ "$base" = 2 ] || sed -i "s/^ARG FLUENT_BIT_DIGEST=.*/ARG FLUENT_BIT_DIGEST=$digest/" Dockerfile
    echo "$image@$digest"
done
