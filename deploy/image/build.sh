#!/bin/sh
# Builds the image with docker buildx: build.sh IMAGE TAG PUSH BUILDER [BUILDX-FLAG...]. What follows PUSH=1 is what to paste next.
set -eu
image=$1 tag=$2 push=$3 builder=$4
shift 4
case ${image##*/} in
*:*|*@*) echo "IMAGE=$image: leave out the tag, which is $tag (VERSION and BASE make it)" >&2; exit 2 ;;
esac
case $push$image in
1*/*) ;; # team/logs is Docker Hub's
1*) echo "IMAGE=$image names no registry to push to: write IMAGE=registry.example/logging/fluent-bit" >&2; exit 2 ;;
esac
if ! docker buildx version >/dev/null 2>&1; then
    echo "docker buildx is missing: install Docker's buildx plugin (package docker-buildx), or use podman as podman build --platform" >&2
    exit 2
fi
# The driver "docker", Docker's default, refuses more than one platform, SBOM and provenance.
if [ -z "$builder" ]; then
    if [ "$(docker buildx inspect | sed -n 's/^Driver: *//p' | head -n 1)" = docker ]; then
        builder=opensearch-irsa
        docker buildx inspect "$builder" >/dev/null 2>&1 || {
            echo "Docker's default builder makes no image for two platforms: making a builder called $builder" >&2
            docker buildx create --name "$builder" --driver docker-container >/dev/null
        }
    fi
fi
docker buildx build . ${builder:+--builder "$builder"} --tag "$image:$tag" "$@" \
    --output "type=image,rewrite-timestamp=true,push=$(if [ -n "$push" ]; then echo true; else echo false; fi)" || {
    code=$?
    case $image in
    *.dkr.ecr.*) host=${image%%/*} region=${image#*.dkr.ecr.} region=${region%%.*}
        echo "If the registry refused: log in, and make the repository, once" >&2
        echo "  aws ecr get-login-password --region $region | docker login --username AWS --password-stdin $host" >&2
        echo "  aws ecr create-repository --region $region --repository-name ${image#*/}" >&2 ;;
    */*) [ -z "$push" ] || echo "If the registry refused: docker login ${image%%/*}" >&2 ;;
    esac
    exit $code
}
if [ -z "$push" ]; then
    echo "built $image:$tag, pushed nowhere: PUSH=1 pushes it"
    exit
fi
cat <<END

pushed $image:$tag
In deploy/kubernetes/overlays/*/kustomization.yaml, under images:
    newName: $image
    newTag: $tag
For the chart:
    --set image.repository=$image --set image.tag=$tag
END
