# Every version that the build and the tests pin, in one place. `NAME ?= value`, one a line: make reads it, and so can sh and Go.
# A version of OpenSearch other than these two also needs its checksums in test/stack/checksums.txt.
OPENSEARCH_VERSION ?= 2.19.4
OPENSEARCH_NEXT_VERSION ?= 3.4.0
MAVEN_DEPENDENCY_PLUGIN_VERSION ?= 3.6.1
BOTOCORE_VERSION ?= 1.44.5
GOLANGCI_LINT_VERSION ?= v2.14.0
AWSCLI_VERSION ?= 1.46.1
MOTO_VERSION ?= 5.2.4
FLASK_VERSION ?= 3.1.3
FLASK_CORS_VERSION ?= 6.0.1
