# syntax=docker/dockerfile:1

# aws-for-fluent-bit with this plugin in it. `make image` builds it for both architectures; `docker build .` for yours.
# 3.x is Amazon Linux 2023 without a package manager. Files are copied into it and nothing is run there, which would need emulation for
# another architecture than yours. versions.mk has the 2.x one.
ARG FLUENT_BIT_IMAGE=public.ecr.aws/aws-observability/aws-for-fluent-bit:3.5.10
# sha256:… of that image, to hold it to the byte.
ARG FLUENT_BIT_DIGEST=
ARG GO_IMAGE=golang:1.26.8-bookworm
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

# The C compiler: a program in a PyPI wheel, for whatever machine builds.
FROM --platform=$BUILDPLATFORM ${PYTHON_IMAGE} AS zig
COPY deploy/image/ziglang.txt /
RUN pip install --no-cache-dir --no-deps --require-hashes --target /zig -r /ziglang.txt

# Compiles for the target on the building machine, never under emulation.
FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build
COPY --from=zig /zig /zig
WORKDIR /src
COPY . .
ARG TARGETARCH
ARG VERSION=dev
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache \
    make dist/linux-${TARGETARCH}/SHA256SUMS ZIG=/zig/ziglang/zig VERSION=${VERSION}

FROM ${FLUENT_BIT_IMAGE}${FLUENT_BIT_DIGEST:+@${FLUENT_BIT_DIGEST}}
ARG FLUENT_BIT_IMAGE
ARG TARGETARCH
ARG VERSION=dev
COPY --from=build /src/dist/linux-${TARGETARCH} /fluent-bit/opensearch-irsa
# What the base's /entrypoint.sh reads. A ConfigMap over this folder hides it, and not the plugin's.
COPY fluent-bit.conf /fluent-bit/etc/fluent-bit.conf
ENV FLUENT_BIT_LOGS=/var/log/containers/*.log \
    FLUENT_BIT_STATE=/var/fluent-bit/state \
    FLUENT_BIT_PLUGINS=/fluent-bit/opensearch-irsa/plugins.conf \
    FLUENT_BIT_HTTP_LISTEN=:: \
    FLUENT_BIT_HTTP_PORT=2020 \
    FLUENT_BIT_METRICS_PORT=2021 \
    FLUENT_BIT_KUBE_URL=https://kubernetes.default.svc:443 \
    FLUENT_BIT_KUBE_FILES=/var/run/secrets/kubernetes.io/serviceaccount \
    FLUENT_BIT_KUBE_TTL=0
# The one folder that is written to: the rest may be read-only.
VOLUME /var/fluent-bit/state
EXPOSE 2020 2021
# The base's own labels would say that Amazon made this.
LABEL author="" \
      vendor="" \
      version="${VERSION}" \
      org.opencontainers.image.authors="" \
      org.opencontainers.image.base.name="${FLUENT_BIT_IMAGE}" \
      org.opencontainers.image.description="aws-for-fluent-bit with an output for Amazon OpenSearch Service, signed with the pod's IAM role" \
      org.opencontainers.image.documentation="" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="" \
      org.opencontainers.image.title="out_opensearch_irsa" \
      org.opencontainers.image.url="" \
      org.opencontainers.image.vendor="" \
      org.opencontainers.image.version="${VERSION}"
