# A Kubernetes node of real parts on this machine. The Makefile includes this.
# What a program of this folder is made of, and not when: a fresh checkout has it in the cache.
of = $(shell cat test/suites/cluster/$(1)/go.mod test/suites/cluster/$(1)/main.go | cksum | cut -d' ' -f1)
KUBERNETES_VERSION := $(shell sed -n 's/^require k8s.io\/kubernetes //p' test/suites/cluster/kubernetes/go.mod)
KUBERNETES := $(TOOLS)/kubernetes-$(KUBERNETES_VERSION)-$(call of,kubernetes)
COREDNS_VERSION := $(shell sed -n 's/^require github.com\/coredns\/coredns //p' test/suites/cluster/coredns/go.mod)
COREDNS := $(TOOLS)/coredns-$(COREDNS_VERSION)-$(call of,coredns)
STAND_IN_BASE := $(CACHE)/cluster/base-$(shell go env GOVERSION)-$(shell cksum < test/suites/cluster/stand-in-base.sh | cut -d' ' -f1).tar
export KUBERNETES_BIN = $(KUBERNETES)
export COREDNS_BIN = $(COREDNS)
export STAND_IN_BASE

$(KUBERNETES):
	@echo "building Kubernetes $(KUBERNETES_VERSION), once: ten minutes of two cores"
	@mkdir -p $(@D)
	cd test/suites/cluster/kubernetes && GOFLAGS=-buildvcs=false CGO_ENABLED=0 go build -trimpath \
	  -ldflags '-s -w -X k8s.io/component-base/version.gitVersion=$(KUBERNETES_VERSION)' -o $@.tmp .
	mv $@.tmp $@

$(COREDNS):
	@echo "building CoreDNS $(COREDNS_VERSION), once: a minute or two"
	@mkdir -p $(@D)
	cd test/suites/cluster/coredns && GOFLAGS=-buildvcs=false CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $@.tmp .
	mv $@.tmp $@

$(STAND_IN_BASE):
	@echo "making a Debian with this machine's Go to build images on, once: two minutes"
	@mkdir -p $(@D)
	test/suites/cluster/stand-in-base.sh $@ $$(go env GOROOT)

CLUSTER_TOOLS := $(KUBERNETES) $(COREDNS) $(STAND_IN_BASE) $(OPENSEARCH)

.PHONY: cluster
cluster: packages $(CLUSTER_TOOLS) $(FBHOST) ## the guide's eight steps on a Kubernetes node of real parts, as root (KEEP=1 leaves it running)
	go run ./test/suites/cluster $(if $(KEEP),-keep)

.PHONY: cluster-test
cluster-test: packages $(if $(filter 0,$(shell id -u)),$(CLUSTER_TOOLS)) $(FBHOST) $(HELM) ## the tests on that node: what is admitted, and exactly once through all that happens to a node
	go test -count=1 -timeout 30m ./test/suites/cluster/...

.PHONY: cluster-test-long
cluster-test-long: packages $(CLUSTER_TOOLS) $(FBHOST) ## as cluster-test, with all that takes minutes: half an hour
	go test -count=1 -timeout 60m -v ./test/suites/cluster -long
