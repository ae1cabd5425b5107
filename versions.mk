# Every version that the build and the tests pin, in one place. `NAME ?= value`, one a line: make reads it, and so can sh and Go.
# What comes from PyPI for the image is pinned with its hashes in deploy/image/*.txt.
# What renovate follows has a comment for it. A version of OpenSearch other than these two also needs its checksums in
# test/fixtures/stack/checksums.txt.
OPENSEARCH_VERSION ?= 2.19.4
OPENSEARCH_NEXT_VERSION ?= 3.4.0
# renovate: datasource=maven depName=org.apache.maven.plugins:maven-dependency-plugin
MAVEN_DEPENDENCY_PLUGIN_VERSION ?= 3.6.1
# renovate: datasource=pypi depName=botocore
BOTOCORE_VERSION ?= 1.44.5
# renovate: datasource=go depName=github.com/golangci/golangci-lint/v2
GOLANGCI_LINT_VERSION ?= v2.14.0
# renovate: datasource=go depName=github.com/go-gremlins/gremlins
GREMLINS_VERSION ?= v0.6.0
# renovate: datasource=pypi depName=awscli
AWSCLI_VERSION ?= 1.46.1
# renovate: datasource=pypi depName=moto
MOTO_VERSION ?= 5.2.4
# renovate: datasource=pypi depName=flask
FLASK_VERSION ?= 3.1.3
# renovate: datasource=pypi depName=flask-cors
FLASK_CORS_VERSION ?= 6.0.1
# renovate: datasource=go depName=helm.sh/helm/v4
HELM_VERSION ?= v4.3.1
# renovate: datasource=go depName=github.com/sigstore/cosign/v3
COSIGN_VERSION ?= v3.1.3
# renovate: datasource=go depName=github.com/rhysd/actionlint
ACTIONLINT_VERSION ?= v1.7.12
# The image's base: 3.x by default, 2.x for who is still on it. A digest, sha256:..., holds it to the byte.
FLUENT_BIT_IMAGE_3 ?= public.ecr.aws/aws-observability/aws-for-fluent-bit:3.5.10
FLUENT_BIT_DIGEST_3 ?=
FLUENT_BIT_IMAGE_2 ?= public.ecr.aws/aws-observability/aws-for-fluent-bit:2.34.3.20260918
FLUENT_BIT_DIGEST_2 ?=
