# The local cluster, its images and the bare API server; included by the Makefile.
# They run before any virtual environment exists, with the system's own Python.
DEV_PYTHON ?= python3

.PHONY: setup
setup: ## install the system packages that the local cluster and image builds need
	@$(DEV_PYTHON) -m dev.system

.PHONY: cluster
cluster: ## start a local Kubernetes (CONTEXT=name: check and use a cluster of yours instead)
	@$(DEV_PYTHON) -m dev.cluster up $(if $(CONTEXT),--context '$(CONTEXT)')

.PHONY: cluster-down
cluster-down: ## stop the local Kubernetes and delete all of its state
	@$(DEV_PYTHON) -m dev.cluster down

.PHONY: images
images: ## build the images of dev/images/images.toml and import them into the local cluster
	@$(DEV_PYTHON) -m dev.images all

# For what can run side by side before `make cluster` and `make images`.
.PHONY: binaries
binaries: ## build Kubernetes and its helpers into the cache, without starting anything
	@$(DEV_PYTHON) -m dev.cluster build

.PHONY: images-build
images-build: ## build the images without importing them; needs no cluster
	@$(DEV_PYTHON) -m dev.images all --build-only

.PHONY: apiserver
apiserver: ## start a bare API server in dev/cluster/bare (APISERVER_DIR=...), without a node and without root
	@$(DEV_PYTHON) -m dev.cluster.apiserver up $(or $(APISERVER_DIR),dev/cluster/bare)

.PHONY: apiserver-down
apiserver-down: ## stop the bare API server and delete its files
	@$(DEV_PYTHON) -m dev.cluster.apiserver down $(or $(APISERVER_DIR),dev/cluster/bare)
