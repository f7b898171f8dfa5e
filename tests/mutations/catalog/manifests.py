"""Kubernetes: what a pod may do, and what it is given."""

from mutations.mutation import Mutation, tests_in

_BASE = "infra/k8s/base"
_TESTS = "tests/kubernetes"
_HARDENED = tests_in(f"{_TESTS}/test_hardening.py", "test_no_pod_runs_as_root_or_can_become_more_than_it_is[kind]")

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="no-pod-runs-as-root",
        promise="No pod runs as root.",
        where=f"{_BASE}/every-service.yaml",
        old="runAsNonRoot: true",
        new="runAsNonRoot: false",
        tests=_HARDENED,
    ),
    Mutation(
        name="read-only-root-file-system",
        promise="A container cannot change its own programs: only its volumes can be written.",
        where=f"{_BASE}/mongodb/mongodb.yaml",
        old="readOnlyRootFilesystem: true",
        new="readOnlyRootFilesystem: false",
        tests=_HARDENED,
    ),
    Mutation(
        name="no-privilege-escalation",
        promise="No process in a container can gain more privileges than its parent has.",
        where=f"{_BASE}/nats/nats.yaml",
        old="allowPrivilegeEscalation: false",
        new="allowPrivilegeEscalation: true",
        tests=_HARDENED,
    ),
    Mutation(
        name="no-linux-capabilities",
        promise="A container has no Linux capabilities.",
        where=f"{_BASE}/provisioning.yaml",
        old="capabilities: drop: [ALL]",
        new="capabilities: {}",
        tests=_HARDENED,
    ),
    Mutation(
        name="seccomp-profile",
        promise="The kernel refuses unusual system calls of every pod, by the runtime's seccomp profile.",
        where="infra/k8s/ingress-controller/traefik.yaml",
        old="seccompProfile: type: RuntimeDefault",
        new="""\
seccompProfile:
  type: Unconfined""",
        tests=tests_in(
            f"{_TESTS}/test_hardening.py",
            "test_no_pod_runs_as_root_or_can_become_more_than_it_is[ingress-controller]",
        ),
    ),
    Mutation(
        name="restricted-namespace",
        promise="The API server refuses every pod in the platform's namespace that is not restricted.",
        where=f"{_BASE}/namespace.yaml",
        old="pod-security.kubernetes.io/enforce: restricted",
        new="pod-security.kubernetes.io/enforce: baseline",
        tests=tests_in(
            f"{_TESTS}/test_hardening.py",
            "test_the_api_server_enforces_it_in_each_namespace_that_we_make[kind]",
        ),
    ),
    Mutation(
        name="no-service-account-token",
        promise="No pod of the platform can talk to the Kubernetes API.",
        where=f"{_BASE}/every-service.yaml",
        old="automountServiceAccountToken: false",
        new="automountServiceAccountToken: true",
        tests=tests_in(f"{_TESTS}/test_hardening.py", "test_only_the_ingress_controller_talks_to_kubernetes[kind]"),
    ),
    Mutation(
        name="bounded-memory-and-cpu",
        promise="No container can take all memory or CPU of its node.",
        where=f"{_BASE}/every-service.yaml",
        old='limits: cpu: "1" memory: 256Mi',
        new="""\
limits:
  cpu: "1\"""",
        tests=tests_in(
            f"{_TESTS}/test_hardening.py",
            "test_every_container_asks_for_what_it_needs_and_cannot_take_everything[kind]",
        ),
    ),
    Mutation(
        name="image-without-root",
        promise="The image of a service runs as a user that is not root, also outside of Kubernetes.",
        where="Dockerfile",
        old="USER 10001:10001",
        new="USER root",
        tests=tests_in(
            f"{_TESTS}/test_images.py", "test_an_image_runs_as_a_number_that_is_not_root_and_needs_no_shell"
        ),
    ),
    Mutation(
        name="fixed-versions-of-images",
        promise="Images of other projects have a fixed version, so a restarted pod runs the version that was tested.",
        where=f"{_BASE}/nats/nats.yaml",
        old="image: nats:2.15.1-alpine",
        new="image: nats:alpine",
        tests=tests_in(
            f"{_TESTS}/test_third_party_images.py", "test_every_image_that_is_not_ours_has_a_fixed_version[kind]"
        ),
    ),
    Mutation(
        name="the-latest-image-is-pulled",
        promise="A pod that starts in production runs the image that was pushed last.",
        where=f"{_BASE}/every-service.yaml",
        old="imagePullPolicy: Always",
        new="imagePullPolicy: IfNotPresent",
        tests=tests_in(f"{_TESTS}/test_images.py", "test_our_images_are_always_pulled_except_on_kind[production]"),
    ),
    Mutation(
        name="nothing-is-pulled-on-kind",
        promise="A pod on a kind cluster runs the image that was loaded into its node, and asks no registry for it.",
        where="infra/k8s/overlays/kind/kustomization.yaml",
        old="imagePullPolicy: IfNotPresent resources:",
        new="resources:",
        tests=tests_in(f"{_TESTS}/test_images.py", "test_our_images_are_always_pulled_except_on_kind[kind]"),
    ),
    Mutation(
        name="no-pod-runs-as-a-user-of-the-node",
        promise="No pod runs with a user number that is a user of its node.",
        where=f"{_BASE}/provisioning.yaml",
        old="runAsUser: 10001",
        new="runAsUser: 1000",
        tests=tests_in(f"{_TESTS}/test_checked_by_checkov.py", "test_no_pod_runs_as_a_user_that_the_node_has[kind]"),
    ),
    Mutation(
        name="the-ingress-controller-only-reads",
        promise="The ingress controller can read the secrets of the platform's namespace, and change nothing there.",
        where="infra/k8s/ingress-controller/access.yaml",
        old="resources: [services, secrets] verbs: [get, list, watch]",
        new="""\
resources: [services, secrets]
verbs: [get, list, watch, update]""",
        tests=tests_in(
            f"{_TESTS}/test_checked_by_checkov.py",
            "test_the_ingress_controller_can_read_what_it_serves_and_change_nothing_else",
        ),
    ),
    Mutation(
        name="every-server-is-probed",
        promise="Kubernetes notices if a database, the broker or the ingress controller hangs.",
        where=f"{_BASE}/mongodb/mongodb.yaml",
        old="livenessProbe: tcpSocket: port: mongodb periodSeconds: 20 timeoutSeconds: 5 failureThreshold: 6",
        new="",
        tests=tests_in(
            f"{_TESTS}/test_checked_by_checkov.py", "test_every_server_has_a_readiness_and_a_liveness_probe[kind]"
        ),
    ),
    Mutation(
        name="hash-pinned-dependencies",
        promise="An image holds only packages whose content is pinned by a hash.",
        where="Dockerfile",
        old="install --require-hashes --only-binary :all: -r /locks/requirements.lock",
        new="install --only-binary :all: -r /locks/requirements.lock",
        tests=tests_in(
            f"{_TESTS}/test_image_dependencies.py",
            "test_an_image_installs_only_what_a_lock_file_pins_with_a_hash",
        ),
    ),
    Mutation(
        name="no-setting-by-accident",
        promise="Kubernetes adds no variables to a pod that a service would take for settings.",
        where=f"{_BASE}/every-service.yaml",
        old="enableServiceLinks: false",
        new="enableServiceLinks: true",
        tests=tests_in(f"{_TESTS}/test_hardening.py", "test_no_service_name_becomes_a_setting[kind]"),
    ),
    Mutation(
        name="bounded-scratch-volumes",
        promise="A scratch volume cannot fill the disk of its node.",
        where=f"{_BASE}/mongodb/mongodb.yaml",
        old="emptyDir: sizeLimit: 64Mi",
        new="emptyDir: {}",
        tests=tests_in(f"{_TESTS}/test_hardening.py", "test_a_scratch_volume_is_bounded[kind]"),
    ),
)
