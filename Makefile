# make              prints the targets
# make demo         the whole path on this machine     (KEEP=1 leaves it running)
# make cluster      the guide's steps on a Kubernetes node of real parts, as root
# make test         everything that CI runs
include versions.mk
export OPENSEARCH_VERSION

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# What is downloaded or built once lives outside the tree. OpenSearch refuses to run as root, so root's tests run it as nobody,
# who may not look into root's home.
ifeq ($(shell id -u),0)
CACHE ?= /var/cache/out_opensearch_irsa
else
CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/out_opensearch_irsa
endif
TOOLS := $(CACHE)/tools
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

PLUGIN := bin/out_opensearch_irsa.so
FBHOST := bin/fbhost
DOCTOR := bin/opensearch-irsa-doctor
LINTER := $(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION)
GREMLINS := $(TOOLS)/gremlins-$(GREMLINS_VERSION)
PYTHON := $(TOOLS)/botocore-$(BOTOCORE_VERSION)/bin/python
AWS_TOOLS := $(TOOLS)/awscli-$(AWSCLI_VERSION)-moto-$(MOTO_VERSION)
OPENSEARCH := $(CACHE)/opensearch-$(OPENSEARCH_VERSION)/.ready

# What the end-to-end tests stand on; a test that misses one of these says so.
export OPENSEARCH_HOME = $(CACHE)/opensearch-$(OPENSEARCH_VERSION)
export HELM = $(TOOLS)/helm-$(HELM_VERSION)
export BOTOCORE_PYTHON = $(PYTHON)
export AWS_TOOLS_BIN = $(AWS_TOOLS)/bin
export PLUGIN_SO = $(CURDIR)/$(PLUGIN)
export FBHOST_BIN = $(CURDIR)/$(FBHOST)
export DOCTOR_BIN = $(CURDIR)/$(DOCTOR)

# Terraform gets its provider from where its own configuration says, else from a folder of providers that the machine brings.
export TERRAFORM_PROVIDERS ?= $(firstword $(patsubst %/registry.terraform.io/hashicorp/aws,%,$(wildcard $(addsuffix /*/registry.terraform.io/hashicorp/aws,/opt /usr/local/share /usr/local/lib))))

GO_SOURCES := go.mod go.sum $(shell find plugin internal -name '*.go' -not -name '*_test.go')
include deploy/image/image.mk
-include test/suites/cluster/cluster.mk # not in the image's build context
# A number of inputs, not a time: at the end of a time on a busy machine go test -fuzz fails with no input to blame.
FUZZTIME ?= 5000x
KEEP ?=
CHART_REPOSITORY ?=
ARGS ?=
SEED ?=
MINUTES ?= 2
SOAK ?= 10m
# cluster-test, as root: by hand until it has passed three times in a row beside other load.
CLUSTER ?=

.PHONY: help
help: ## print the targets
	@grep -hE '^[a-z-]+:.*##' Makefile deploy/image/image.mk test/suites/cluster/cluster.mk | sed -E 's/:.*## /\t/' | column -t -s $$'\t'

.PHONY: build
build: $(PLUGIN) ## build the shared object that Fluent Bit loads

$(PLUGIN): $(GO_SOURCES) Makefile
	go build -trimpath -buildmode=c-shared -ldflags '-s -w -X out_opensearch_irsa/internal/version.Version=$(VERSION)' -o $@ ./plugin

$(FBHOST): $(wildcard test/fixtures/fbhost/*.c test/fixtures/fbhost/*.h) Makefile
	@mkdir -p $(@D)
	cc -O2 -g -Wall -Wextra -Werror -pthread -rdynamic -o $@ test/fixtures/fbhost/*.c -ldl

.PHONY: doctor
doctor: $(DOCTOR) ## build the doctor that the image ships

$(DOCTOR): $(GO_SOURCES) deploy/doctor/main.go Makefile
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X out_opensearch_irsa/internal/version.Version=$(VERSION)' -o $@ ./deploy/doctor

.PHONY: demo
demo: $(PLUGIN) $(FBHOST) $(OPENSEARCH) ## write logs, see them searchable: the whole path on this machine
	go run ./test/tools/demo $(if $(KEEP),-keep)

.PHONY: test
test: build vet lint unit fuzz simulation terraform e2e check-image $(CLUSTER) chaos-ci ## everything that CI runs

.PHONY: vet
vet: ## go vet, and go.mod as it has to be
	go mod tidy -diff
	go vet ./...

.PHONY: lint
lint: $(LINTER) lint-image ## golangci-lint, which also holds the arrows between packages; Dockerfile, workflows and scripts
	$(LINTER) run

.PHONY: unit
unit: $(PYTHON) ## unit tests, with the race detector
	go test -race ./plugin/... ./internal/... ./deploy/... ./test/suites/flb/... ./test/fixtures/localaws/... ./test/fixtures/ports/... ./test/suites/readme/...
	go test ./test/tools/fleet

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME
	@for dir in $$(grep -rlE '^func Fuzz' --include=*_test.go internal deploy test | xargs -n1 dirname | sort -u); do \
	  for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9]+' $$dir/*_test.go | cut -c6-); do \
	    echo "$$dir $$target"; \
	    out=$$(go test ./$$dir -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) 2>&1) || { echo "$$out"; exit 1; }; \
	  done; \
	done

SEEDS ?= 10000
.PHONY: simulation
simulation: ## the plugin between an agent and a domain drawn by seed, in virtual time: SEEDS=n of them, or SEED=n alone
	go test -count=1 -timeout 24h -v -run TestSimulation ./test/tools/simulation $(if $(SEED),-seed $(SEED),-seeds $(SEEDS))

RECORDS ?= 5000000
.PHONY: fuzz-long
fuzz-long: ## RECORDS records through the encoder and the reference encoder, from SEED on: a quarter of an hour on a quiet machine
	go test -count=1 -v -timeout 0 -run '^TestReference$$' ./internal/document -records $(RECORDS) -seed $(if $(SEED),$(SEED),$$(date +%s))

PACKAGE ?= deliver,opensearch,bulk,deadletter,chunk,document,multiline,flb
SAMPLE ?= 0
.PHONY: mutants
mutants: $(GREMLINS) ## change the code a place at a time, print what no test notices: hours, or PACKAGE=deliver SAMPLE=30 SEED=1
	go run ./test/tools/mutants -gremlins $(GREMLINS) -packages $(PACKAGE) -sample $(SAMPLE) $(if $(SEED),-seed $(SEED)) $(ARGS)

.PHONY: terraform
terraform: $(AWS_TOOLS)/.ready ## deploy/terraform and the AWS-CLI walk-through against moto
	go test -count=1 -timeout 45m ./test/suites/aws/...

.PHONY: e2e
e2e: $(PLUGIN) $(FBHOST) $(DOCTOR) $(OPENSEARCH) $(PYTHON) $(HELM) ## end-to-end tests: real OpenSearch, STS and Fluent Bit or fbhost
	go test -count=1 -timeout 45m ./test/fixtures/fbhost/... ./test/fixtures/stack/... ./test/suites/e2e/... ./test/suites/multiline/... ./test/suites/equality/... ./test/suites/doctor/... ./test/suites/bootstrap/... ./test/suites/kubernetes/...

.PHONY: identity
identity: $(PLUGIN) $(FBHOST) $(OPENSEARCH) ## what is about credentials and 403, all of it, with the race detector
	go test -count=1 -timeout 20m -run Identity -race ./...

.PHONY: soak
soak: $(PLUGIN) $(FBHOST) $(OPENSEARCH) ## ten minutes with credentials that live for 90 seconds
	go test -count=1 -timeout 20m -v -run TestIdentitySoak ./test/suites/e2e -soak $(SOAK)

.PHONY: faults
faults: $(PLUGIN) $(FBHOST) $(OPENSEARCH) ## every fault there is, one table: nothing lost, nothing twice
	go run ./test/tools/faults

.PHONY: chaos
chaos: $(PLUGIN) $(FBHOST) $(OPENSEARCH) ## faults at random for MINUTES, drawn by SEED
	go run ./test/tools/faults -chaos -minutes $(MINUTES) $(if $(SEED),-seed $(SEED))

.PHONY: chaos-ci
chaos-ci: $(PLUGIN) $(FBHOST) $(OPENSEARCH) # two minutes of chaos with a fixed seed, beside two with one drawn at random
	@mkdir -p bin
	go build -o bin/faults ./test/tools/faults
	@failed=0; bin/faults -chaos -minutes 2 > bin/chaos-drawn.txt 2>&1 & \
	bin/faults -chaos -minutes 2 -seed 1 || failed=1; wait $$! || failed=1; cat bin/chaos-drawn.txt; exit $$failed

.PHONY: bench
bench: $(PLUGIN) $(FBHOST) $(OPENSEARCH) ## this plugin beside the built-in output, and the cluster's side: an hour on a quiet machine
	go run ./test/tools/bench -svg test/tools/bench/bench.svg

.PHONY: bench-node
bench-node: $(PLUGIN) $(FBHOST) $(OPENSEARCH) ## the node's table alone: ARGS="-workers 2,4,8 -only '^100' -quick"
	go run ./test/tools/bench -parts node $(ARGS)

.PHONY: multiline
multiline: $(PLUGIN) $(FBHOST) ## how many stack traces of twenty pods arrive whole, at 10 and 1,500 events a second: ARGS="-seconds 300"
	go test -count=1 -timeout 60m -v -run TestTracesArriveWhileWritten ./test/suites/multiline -rates 10,1500 $(ARGS)

.PHONY: fleet
fleet: ## a thousand nodes against a model of a domain, in virtual time: half an hour
	go test -count=1 -timeout 90m -v -run TestFleet ./test/tools/fleet -agents 1000 -svg $(CURDIR)/test/tools/fleet/fleet.svg $(ARGS)

.PHONY: bench-stages
bench-stages: ## each stage of the hot path by itself
	go test -run '^$$' -bench . ./test/tools/bench

.PHONY: bootstrap
bootstrap: ## put templates, lifecycle policy, role mapping and dashboard onto the domain OPENSEARCH_ENDPOINT: ARGS="-h" for help
	go run ./deploy/bootstrap $(ARGS)

# What make apply looks for that is no longer in the overlay. The Prometheus operator's kinds are not here: kubectl refuses kinds that a
# cluster does not know.
PRUNED := core/v1/ConfigMap core/v1/ServiceAccount batch/v1/Job apps/v1/DaemonSet apps/v1/Deployment networking.k8s.io/v1/NetworkPolicy \
  rbac.authorization.k8s.io/v1/ClusterRole rbac.authorization.k8s.io/v1/ClusterRoleBinding
OVERLAY ?= irsa

.PHONY: apply
apply: ## apply the overlay OVERLAY, and take away what it no longer has: old ConfigMaps, components taken out
	kubectl apply -f deploy/kubernetes/namespace.yaml
	kubectl apply -k deploy/kubernetes/overlays/$(OVERLAY) --prune -l app.kubernetes.io/part-of=opensearch-irsa $(addprefix --prune-allowlist=,$(PRUNED))

.PHONY: env
env: $(PLUGIN) $(FBHOST) $(DOCTOR) # what the end-to-end tests stand on, for the shell: eval "$$(make -s env)"
	@echo "export HELM='$(HELM)' OPENSEARCH_HOME='$(OPENSEARCH_HOME)' BOTOCORE_PYTHON='$(BOTOCORE_PYTHON)' PLUGIN_SO='$(PLUGIN_SO)' FBHOST_BIN='$(FBHOST_BIN)'" \
	  "DOCTOR_BIN='$(DOCTOR_BIN)' AWS_TOOLS_BIN='$(AWS_TOOLS_BIN)' ZIG='$(ZIG)' DIST_DIR='$(DIST_DIR)' FBHOST_ARM64_BIN='$(FBHOST_ARM64_BIN)'"

.PHONY: tools
tools: $(LINTER) $(PYTHON) $(AWS_TOOLS)/.ready $(OPENSEARCH) $(HELM) $(ZIG) $(HADOLINT) $(ACTIONLINT) ## download and build what the tests need

$(LINTER):
	@echo "building golangci-lint $(GOLANGCI_LINT_VERSION), once: a few minutes"
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS)/tmp-$(GOLANGCI_LINT_VERSION) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv $(TOOLS)/tmp-$(GOLANGCI_LINT_VERSION)/golangci-lint $@

$(GREMLINS):
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS)/tmp-gremlins-$(GREMLINS_VERSION) go install github.com/go-gremlins/gremlins/cmd/gremlins@$(GREMLINS_VERSION)
	mv $(TOOLS)/tmp-gremlins-$(GREMLINS_VERSION)/gremlins $@

$(HELM):
	@echo "building helm $(HELM_VERSION), once: a few minutes"
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS)/tmp-helm-$(HELM_VERSION) go install helm.sh/helm/v4/cmd/helm@$(HELM_VERSION)
	mv $(TOOLS)/tmp-helm-$(HELM_VERSION)/helm $@

.PHONY: chart
chart: $(HELM) ## package the Helm chart for VERSION into dist/, with CHART_REPOSITORY=oci://... push it there
	@mkdir -p dist
	$(HELM) package deploy/helm/opensearch-irsa --destination dist --version '$(patsubst v%,%,$(VERSION))' --app-version '$(patsubst v%,%,$(VERSION))'
	$(if $(CHART_REPOSITORY),$(HELM) push dist/opensearch-irsa-$(patsubst v%,%,$(VERSION)).tgz '$(CHART_REPOSITORY)')

$(PYTHON):
	@echo "installing botocore $(BOTOCORE_VERSION), once"
	python3 -m venv $(TOOLS)/botocore-$(BOTOCORE_VERSION)
	$(TOOLS)/botocore-$(BOTOCORE_VERSION)/bin/pip --quiet install botocore==$(BOTOCORE_VERSION)

$(AWS_TOOLS)/.ready:
	@echo "installing awscli $(AWSCLI_VERSION) and moto $(MOTO_VERSION), once"
	python3 -m venv $(AWS_TOOLS)
	$(AWS_TOOLS)/bin/pip --quiet install awscli==$(AWSCLI_VERSION) moto==$(MOTO_VERSION) flask==$(FLASK_VERSION) flask-cors==$(FLASK_CORS_VERSION)
	@touch $@

$(OPENSEARCH): test/fixtures/stack/install-opensearch.sh test/fixtures/stack/checksums.txt
	test/fixtures/stack/install-opensearch.sh $(OPENSEARCH_VERSION) $(CACHE)
	@touch $@

.PHONY: clean
clean: ## remove what was built in the tree
	rm -rf bin dist
