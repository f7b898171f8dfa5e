# The commands for Kubernetes; the Makefile includes this file.

CLUSTER := ticket-marketplace
NAMESPACE := ticket-marketplace
OVERLAYS := $(sort $(patsubst infra/k8s/overlays/%/kustomization.yaml,%,$(wildcard infra/k8s/overlays/*/kustomization.yaml)))
SERVICES := $(sort $(foreach main,$(wildcard */src/*/main.py),$(firstword $(subst /, ,$(main)))))
IMAGES := $(SERVICES) marketplace
ROLLOUT_TIMEOUT := 300s

# An empty variable counts as not set.
override DOCKER := $(or $(DOCKER),docker)
override OVERLAY := $(or $(OVERLAY),kind)
override REGISTRY := $(REGISTRY:%/=%)
# The overlay kind is deployed to our kind cluster, whatever cluster kubectl uses otherwise.
override CONTEXT := $(or $(CONTEXT),$(if $(filter kind,$(OVERLAY)),kind-$(CLUSTER)))

podman := $(filter podman,$(notdir $(DOCKER)))
kind := $(if $(podman),KIND_EXPERIMENTAL_PROVIDER=podman )kind
# With --namespace, kubectl refuses objects of any other namespace.
kubectl_of_cluster := kubectl$(if $(CONTEXT), --context $(CONTEXT))
kubectl := $(kubectl_of_cluster) --namespace $(NAMESPACE)

# Prints the line $(1) as the error and fails.
fail = { echo "$(1)" >&2; exit 1; }

# Always with the name of a registry: without one, Docker assumes docker.io and Podman assumes localhost.
image = $(or $(2),docker.io)/ticket-marketplace/$(1):latest

# Brings the images $(1) to where the cluster finds them.
deliver = $(if $(REGISTRY),$(push),$(load))
push = for name in $(1); do \
    $(DOCKER) tag $(call image,$$name) $(call image,$$name,$(REGISTRY)) && \
    $(DOCKER) push $(call image,$$name,$(REGISTRY)) || exit 1; done
# All images in one archive, which stores the layers that they share once.
load = folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && trap 'exit 130' INT TERM && \
    $(DOCKER) save $(podman:%=--multi-image-archive )--output "$$folder/images.tar" $(foreach name,$(1),$(call image,$(name))) && \
    $(kind) load image-archive "$$folder/images.tar" --name $(CLUSTER)

# The manifests of the overlay, with the images of REGISTRY.
render = kubectl kustomize infra/k8s/overlays/$(OVERLAY)$(if $(REGISTRY), | \
    sed -E 's|image: ([^ ]*/)?ticket-marketplace/([a-z]+):latest$$|image: $(call image,\2,$(REGISTRY))|')

# Waits until the workload $(1) is ready, for a bounded time.
wait = $(kubectl) rollout status $(1) --timeout $(ROLLOUT_TIMEOUT) || $(call not_ready,$(1))
wait_for_all = names=$$($(kubectl) get $(1) --output name) && for name in $$names; do $(call wait,$$name); done
not_ready = $(call fail,$(1) is not ready: see '$(kubectl) describe $(1)' and '$(kubectl) logs $(1)'.)

# One command after the other, also with `make -j`: `deploy` needs the secrets first.
.NOTPARALLEL:
.PHONY: cluster images secrets deploy restart undeploy $(IMAGES:%=image-%)
.PHONY: $(addprefix require-,cluster delivery overlay registry service $(DOCKER) kind kubectl)

##@ On Kubernetes: docs/kubernetes.md

cluster: require-kind require-kubectl ## Create a kind cluster on this machine, with an ingress controller
	@[ '$(CONTEXT)' = 'kind-$(CLUSTER)' ] || $(call fail,make cluster creates the kind cluster only: leave out OVERLAY and CONTEXT.)
	@$(kind) get clusters | grep -qx '$(CLUSTER)' || \
	  $(kind) create cluster --name $(CLUSTER) --config infra/k8s/kind-cluster.yaml --wait 180s
	$(kubectl) apply --filename infra/k8s/base/namespace.yaml
	$(kubectl_of_cluster) apply --kustomize infra/k8s/ingress-controller
	$(kubectl_of_cluster) --namespace ingress-controller rollout status deployment/traefik --timeout 180s

images: $(IMAGES:%=image-%) ## Build the images of all services, and of the package that provisions (DOCKER=podman)

# BuildKit, for the cache mounts of the Dockerfile.
$(IMAGES:%=image-%): image-%: require-$(DOCKER)
	DOCKER_BUILDKIT=1 $(DOCKER) build --build-arg SERVICE=$* --tag $(call image,$*) .

secrets: install require-cluster ## Create the keys and passwords that the cluster lacks
	$(kubectl) apply --filename infra/k8s/base/namespace.yaml
	@PYTHONPATH=infra/k8s $(BIN)/python -m tools.create_secrets infra/k8s/overlays/$(OVERLAY) $(kubectl)

# The Job is deleted first, because Kubernetes refuses changes to a Job. Deployments that existed before are restarted,
# because the tag of their image is the same as before; this happens after the Job has provisioned streams and consumers.
deploy: require-delivery require-cluster secrets ## Deploy everything and wait until it is ready (OVERLAY=production REGISTRY=… CONTEXT=…)
	@$(call deliver,$(IMAGES))
	@existing=$$($(kubectl) get deployments --output name) && \
	  $(kubectl) delete job provisioning --ignore-not-found && \
	  $(render) | $(kubectl) apply --filename - && \
	  $(call wait_for_all,statefulsets) && \
	  { $(kubectl) wait --for condition=complete job/provisioning --timeout $(ROLLOUT_TIMEOUT) || $(call not_ready,job/provisioning); } && \
	  { [ -z "$$existing" ] || $(kubectl) rollout restart $$existing; } && \
	  $(call wait_for_all,deployments)
	@$(if $(filter kind,$(OVERLAY)),echo 'Ready at http://localhost:8080 (make demo GATEWAY=http://localhost:8080)',$(kubectl) get ingress --output wide)

restart: require-service require-delivery require-cluster image-$(SERVICE) ## Build one service again and replace its pods (SERVICE=orders)
	@$(call deliver,$(SERVICE))
	$(kubectl) rollout restart deployment/$(SERVICE)
	@$(call wait,deployment/$(SERVICE))

undeploy: require-cluster ## Remove everything that runs; keep the namespace, the volumes and the secrets
	$(kubectl) delete --ignore-not-found --kustomize infra/k8s/overlays/$(OVERLAY)
	@echo 'Kept: the volumes with all databases and streams, and the secrets. `make deploy` continues with both.'
	@echo 'To delete them for good: kubectl delete namespace $(NAMESPACE)'

$(addprefix require-,$(DOCKER) kind kubectl): require-%:
	@command -v $* >/dev/null || $(call fail,$* is missing: install it; docs/kubernetes.md lists what you need.)

require-overlay:
	@[ '$(filter $(OVERLAY),$(OVERLAYS))' ] || $(call fail,There is no overlay $(OVERLAY). OVERLAY is one of: $(OVERLAYS).)

require-cluster: require-overlay require-kubectl
	@$(kubectl) get --raw /version --request-timeout 10s >/dev/null || \
	  $(call fail,No cluster answers in kubectl's $(if $(CONTEXT),context $(CONTEXT),current context). 'make cluster' creates one; CONTEXT selects one.)

require-delivery: require-overlay require-registry require-$(DOCKER) $(if $(REGISTRY),,require-kind)

require-registry:
	@[ '$(REGISTRY)' ] || [ '$(OVERLAY)' = kind ] || $(call fail,The overlay $(OVERLAY) needs a registry for the images: REGISTRY=host/path.)

require-service:
	@[ '$(filter $(SERVICE),$(SERVICES))' ] || $(call fail,SERVICE is one of: $(SERVICES). Example: make restart SERVICE=orders)
