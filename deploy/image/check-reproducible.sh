#!/bin/sh
# Builds the files of each architecture twice, in folders and with caches of their own, and compares the checksums. ZIG and the
# architectures come from make.
set -eu
root=$(git rev-parse --show-toplevel)
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
for n in 1 22; do
    tree=$work/tree-$n
    git clone -q --shared "$root" "$tree"
    for arch in "$@"; do
        make -s -C "$tree" "dist/linux-$arch/SHA256SUMS" ZIG="$ZIG" VERSION=reproducible \
            GOCACHE="$work/go-$n" ZIG_GLOBAL_CACHE_DIR="$work/zig-$n"
    done
done
for arch in "$@"; do
    diff "$work/tree-1/dist/linux-$arch/SHA256SUMS" "$work/tree-22/dist/linux-$arch/SHA256SUMS"
    echo "linux-$arch: the same $(wc -l <"$work/tree-1/dist/linux-$arch/SHA256SUMS") files from two builds"
done
