# A Kubernetes node of real parts on this machine. The Makefile includes this.
KUBERNETES_VERSION := $(shell sed -n 's/^require k8s.io\/kubernetes //p' test/cluster/kubernetes/go.mod)
KUBERNETES := $(TOOLS)/kubernetes-$(KUBERNETES_VERSION)
COREDNS := $(TOOLS)/coredns-$(COREDNS_VERSION)
export KUBERNETES_BIN = $(KUBERNETES)
export COREDNS_BIN = $(COREDNS)

$(KUBERNETES): test/cluster/kubernetes/go.mod test/cluster/kubernetes/main.go
	@echo "building Kubernetes $(KUBERNETES_VERSION), once: ten minutes of two cores"
	@mkdir -p $(@D)
	cd test/cluster/kubernetes && GOFLAGS=-buildvcs=false CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $@.tmp .
	mv $@.tmp $@

$(COREDNS):
	@echo "building CoreDNS $(COREDNS_VERSION), once: a few minutes"
	GOBIN=$(TOOLS)/tmp-coredns-$(COREDNS_VERSION) CGO_ENABLED=0 go install -trimpath -ldflags '-s -w' github.com/coredns/coredns@$(COREDNS_VERSION)
	mv $(TOOLS)/tmp-coredns-$(COREDNS_VERSION)/coredns $@
