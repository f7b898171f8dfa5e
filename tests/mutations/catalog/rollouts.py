"""Kubernetes: rollouts, failures of a node, and data."""

from mutations.mutation import Mutation, tests_in

_BASE = "infra/k8s/base"
_PRODUCTION = "infra/k8s/overlays/production"
_TESTS = "tests/kubernetes"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="a-rollout-keeps-all-pods",
        promise="A rollout stops a pod only after a new one is ready in its place.",
        where=f"{_BASE}/every-service.yaml",
        old="maxUnavailable: 0",
        new="maxUnavailable: 1",
        tests=tests_in(
            f"{_TESTS}/test_availability.py",
            "test_a_rollout_starts_a_new_pod_before_it_stops_an_old_one[kind-orders]",
        ),
    ),
    Mutation(
        name="traffic-only-when-ready",
        promise="A pod receives requests only while its readiness probe succeeds.",
        where=f"{_BASE}/every-service.yaml",
        old="readinessProbe: # it answers within 2 s what is missing httpGet: path: /healthz/ready",
        new="""\
readinessProbe:
  httpGet:
    path: /healthz/live""",
        tests=tests_in(
            f"{_TESTS}/test_services.py",
            "test_it_has_every_probe_on_a_path_that_its_application_has[kind-orders]",
        ),
    ),
    Mutation(
        name="no-restart-for-a-missing-dependency",
        promise="A pod is not restarted because MongoDB or NATS is away.",
        where=f"{_BASE}/every-service.yaml",
        old="livenessProbe: # fails only when a new process would help; not while MongoDB or NATS are away "
        "httpGet: path: /healthz/live",
        new="""\
livenessProbe:
  httpGet:
    path: /healthz/ready""",
        tests=tests_in(
            f"{_TESTS}/test_services.py",
            "test_it_has_every_probe_on_a_path_that_its_application_has[kind-orders]",
        ),
    ),
    Mutation(
        name="the-gateway-closes-idle-connections-first",
        promise="The ingress controller closes idle connections before a stopping service would do so.",
        where="infra/k8s/ingress-controller/traefik.yaml",
        old="- --serverstransport.forwardingtimeouts.idleconntimeout=1s",
        new="",
        tests=tests_in(
            f"{_TESTS}/test_timeouts.py",
            "test_a_gateway_closes_idle_connections_before_a_stopping_service_does[traefik]",
        ),
    ),
    Mutation(
        name="time-to-stop",
        promise="Kubernetes kills a pod only after the time that the service needs to finish its work.",
        where=f"{_BASE}/every-service.yaml",
        old="terminationGracePeriodSeconds: 30",
        new="terminationGracePeriodSeconds: 10",
        tests=tests_in(f"{_TESTS}/test_services.py", "test_it_has_time_to_stop_before_it_is_killed[kind-orders]"),
    ),
    Mutation(
        name="two-pods-per-service-in-production",
        promise="Production runs at least two pods per service.",
        where=f"{_PRODUCTION}/scaling.yaml",
        old="scaleTargetRef: apiVersion: apps/v1 kind: Deployment name: payments minReplicas: 2",
        new="""\
scaleTargetRef:
  apiVersion: apps/v1
  kind: Deployment
  name: payments
minReplicas: 1""",
        tests=tests_in(
            f"{_TESTS}/test_availability.py", "test_production_runs_at_least_two_pods_of_each_service[payments]"
        ),
    ),
    Mutation(
        name="one-pod-at-a-time-for-maintenance",
        promise="Maintenance of nodes takes away at most one pod of a service, and one NATS server of three.",
        where=f"{_PRODUCTION}/scaling.yaml",
        old="maxUnavailable: 1 # of three",
        new="maxUnavailable: 2 # of three",
        tests=tests_in(
            f"{_TESTS}/test_availability.py",
            "test_production_loses_at_most_one_pod_of_a_workload_when_a_node_is_drained",
        ),
    ),
    Mutation(
        name="pods-of-a-service-on-different-nodes",
        promise="The pods of each service are spread over nodes and zones, without counting pods of other services.",
        where=f"{_PRODUCTION}/every-service.yaml",
        old="labelSelector: *pods matchLabelKeys: [app.kubernetes.io/name]",
        new="labelSelector: *pods",
        tests=tests_in(
            f"{_TESTS}/test_availability.py",
            "test_production_spreads_the_pods_of_each_service_over_nodes_and_zones[orders]",
        ),
    ),
    Mutation(
        name="three-nats-servers-in-production",
        promise="Production runs three NATS servers.",
        where=f"{_PRODUCTION}/three-nats-servers.yaml",
        old="replicas: 3",
        new="replicas: 1",
        tests=tests_in(
            f"{_TESTS}/test_references.py", "test_the_routes_of_the_nats_servers_lead_to_each_of_them[production]"
        ),
    ),
    Mutation(
        name="three-replicas-of-each-stream",
        promise="Production keeps each stream on all three NATS servers.",
        where=f"{_PRODUCTION}/kustomization.yaml",
        old='- name: STREAM_REPLICAS value: "3"',
        new="""\
- name: STREAM_REPLICAS
  value: "1\"""",
        tests=tests_in(
            f"{_TESTS}/test_references.py", "test_the_routes_of_the_nats_servers_lead_to_each_of_them[production]"
        ),
    ),
    Mutation(
        name="nats-servers-on-different-nodes",
        promise="No two NATS servers of production are on one node.",
        where=f"{_PRODUCTION}/three-nats-servers.yaml",
        old="whenUnsatisfiable: DoNotSchedule",
        new="whenUnsatisfiable: ScheduleAnyway",
        tests=tests_in(f"{_TESTS}/test_availability.py", "test_production_spreads_the_nats_servers_over_nodes"),
    ),
    Mutation(
        name="nats-hands-over-its-clients",
        promise="A NATS server that stops sends its clients to the other servers first.",
        where=f"{_BASE}/nats/nats.yaml",
        old="terminationGracePeriodSeconds: 60",
        new="terminationGracePeriodSeconds: 30",
        tests=tests_in(f"{_TESTS}/test_availability.py", "test_a_nats_server_hands_its_clients_over_before_it_stops"),
    ),
    Mutation(
        name="mongodb-has-time-to-make-its-users",
        promise="A MongoDB that starts for the first time is not killed before it has made its users.",
        where=f"{_BASE}/mongodb/mongodb.yaml",
        old="failureThreshold: 150 # killed",
        new="failureThreshold: 15 # killed",
        tests=tests_in(f"{_TESTS}/test_availability.py", "test_a_mongodb_has_five_minutes_to_make_its_users[orders]"),
    ),
    Mutation(
        name="data-on-persistent-volumes",
        promise="Databases and streams are on persistent volumes, and outlive their pods.",
        where=f"{_BASE}/mongodb/mongodb.yaml",
        old="- name: data mountPath: /data/db",
        new="""\
- name: scratch
  mountPath: /data/db
  subPath: db""",
        tests=tests_in(
            f"{_TESTS}/test_storage.py",
            "test_every_database_and_every_broker_stores_its_data_on_a_persistent_volume[kind]",
        ),
    ),
    Mutation(
        name="volumes-outlive-the-deployment",
        promise="The volumes of databases and streams are kept when their StatefulSet is deleted or made smaller.",
        where=f"{_BASE}/mongodb/mongodb.yaml",
        old="whenDeleted: Retain",
        new="whenDeleted: Delete",
        tests=tests_in(f"{_TESTS}/test_hardening.py", "test_what_is_kept_outlives_its_pods[kind]"),
        slow=True,
    ),
    Mutation(
        name="deploy-waits-for-provisioning",
        promise="A deployment waits until streams and consumers are provisioned before it restarts services.",
        where="infra/k8s/commands.mk",
        old="""{ $(kubectl) wait --for condition=complete job/provisioning --timeout $(ROLLOUT_TIMEOUT) ||
            $(call not_ready,job/provisioning); } &&""",
        new="",
        tests=tests_in(
            f"{_TESTS}/test_commands.py",
            "test_deploy_creates_secrets_loads_images_provisions_and_waits_in_this_order",
        ),
    ),
    Mutation(
        name="undeploy-keeps-the-data",
        promise="The command undeploy keeps volumes and secrets.",
        where=f"{_BASE}/kustomization.yaml",
        old="- auth.yaml",
        new="""
            - auth.yaml
            - namespace.yaml
        """,
        tests=tests_in(f"{_TESTS}/test_hardening.py", "test_undeploy_can_delete_no_data[kind]"),
    ),
    Mutation(
        name="deploy-to-the-kind-cluster-alone",
        promise="The overlay kind is deployed to the kind cluster, whatever cluster kubectl would use otherwise.",
        where="infra/k8s/commands.mk",
        old="$(if $(filter kind,$(OVERLAY)),kind-$(CLUSTER))",
        new="",
        tests=tests_in(
            f"{_TESTS}/test_commands.py",
            "test_the_kind_overlay_goes_to_the_kind_cluster_also_with_empty_variables[CONTEXT]",
        ),
    ),
)
