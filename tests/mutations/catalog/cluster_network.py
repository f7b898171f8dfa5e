"""Kubernetes: who reaches whom."""

from mutations.mutation import Mutation, tests_in

_BASE = "infra/k8s/base"
_PRODUCTION = "infra/k8s/overlays/production"
_TESTS = "tests/kubernetes"
_NOTHING_ELSE = tests_in(f"{_TESTS}/test_network_policies.py", "test_nothing_else_is_allowed[kind]")

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="network-denied-by-default",
        promise="A connection that no network policy allows is refused.",
        where=f"{_BASE}/network-policies.yaml",
        old="podSelector: {} policyTypes: [Ingress, Egress]",
        new="""\
podSelector: {}
policyTypes: [Egress]""",
        tests=_NOTHING_ELSE,
    ),
    Mutation(
        name="each-service-reaches-only-its-database",
        promise="A service reaches its own database and that of no other service.",
        where=f"{_BASE}/databases/orders/kustomization.yaml",
        old="includeSelectors: true",
        new="includeSelectors: false",
        tests=_NOTHING_ELSE,
    ),
    Mutation(
        name="only-payments-reaches-the-internet",
        promise="The payments service alone reaches addresses outside of the cluster, and no private network.",
        where=f"{_BASE}/network-policies.yaml",
        old="app.kubernetes.io/name: payments",
        new="app.kubernetes.io/component: service",
        tests=_NOTHING_ELSE,
    ),
    Mutation(
        name="no-private-network-from-a-pod",
        promise="No pod reaches a private address, such as that of the API server; the databases are the exception.",
        where=f"{_BASE}/network-policies.yaml",
        old="except: [10.0.0.0/8, 172.16.0.0/12,",
        new="except: [172.16.0.0/12,",
        tests=tests_in(
            f"{_TESTS}/test_network_policies.py",
            "test_no_pod_reaches_a_private_address[kind-10.96.0.1]",
            "test_no_pod_reaches_a_private_address[production-10.96.0.1]",
        ),
    ),
    Mutation(
        name="no-cloud-metadata-from-a-pod",
        promise="No pod reaches the metadata service of a cloud, which gives away the credentials of the node.",
        where=f"{_BASE}/network-policies.yaml",
        old="192.168.0.0/16, 169.254.0.0/16]",
        new="192.168.0.0/16]",
        tests=tests_in(
            f"{_TESTS}/test_network_policies.py",
            "test_no_pod_reaches_a_private_address[production-169.254.169.254]",
        ),
    ),
    Mutation(
        name="services-behind-the-ingress",
        promise="Only the ingress controller reaches a service's port, so X-Forwarded headers are what it has set.",
        where=f"{_BASE}/network-policies.yaml",
        old="- namespaceSelector: matchLabels: kubernetes.io/metadata.name: ingress-controller",
        new="- namespaceSelector: {}",
        tests=_NOTHING_ELSE,
    ),
    Mutation(
        name="ingress-routes-only-the-api",
        promise="The Ingress leads to the API and its documents; metrics and probes are not reachable from outside.",
        where=f"{_BASE}/ingress.yaml",
        old="- path: /api/users pathType: Prefix",
        new="""\
- path: /metrics
  pathType: Prefix
  backend:
    service:
      name: auth
      port:
        name: http
- path: /api/users
  pathType: Prefix""",
        tests=tests_in(f"{_TESTS}/test_ingress.py", "test_the_ingress_leads_to_no_path_that_is_for_operators"),
    ),
    Mutation(
        name="tls-in-production",
        promise="Production answers at its own host name alone, with TLS.",
        where=f"{_PRODUCTION}/kustomization.yaml",
        old="- op: add path: /spec/tls value: - hosts: [tickets.example.com] # EDIT secretName: marketplace-tls",
        new="",
        tests=tests_in(f"{_TESTS}/test_ingress.py", "test_production_answers_at_its_own_host_alone_and_with_tls"),
    ),
    Mutation(
        name="whole-parts-of-a-path",
        promise="The ingress controller leads a path to a service only if whole parts of it match the route.",
        where="infra/k8s/ingress-controller/traefik.yaml",
        old="- --providers.kubernetesingress.strictprefixmatching=true # /api/orders1 is not below /api/orders",
        new="",
        tests=tests_in(f"{_TESTS}/test_ingress.py", "test_our_controller_takes_a_prefix_for_whole_parts_of_a_path"),
    ),
    Mutation(
        name="the-ingress-controller-waits-a-bounded-time",
        promise="The ingress controller waits longer than a request may take, and not for ever.",
        where="infra/k8s/ingress-controller/traefik.yaml",
        old="- --serverstransport.forwardingtimeouts.responseheadertimeout=6s",
        new="",
        tests=tests_in(f"{_TESTS}/test_timeouts.py", "test_timeouts_fit_each_other[request-shorter-than-traefik-wait]"),
    ),
    Mutation(
        name="the-ingress-controller-lets-events-flow",
        promise="The ingress controller does not end server-sent events, an answer without an end.",
        where="infra/k8s/ingress-controller/traefik.yaml",
        old="- --log.level=INFO",
        new="- --entrypoints.web.transport.respondingtimeouts.writetimeout=60s",
        tests=tests_in(f"{_TESTS}/test_timeouts.py", "test_the_ingress_controller_never_ends_an_answer_that_has_begun"),
    ),
    Mutation(
        name="the-gateway-api-lets-events-flow",
        promise="A controller of the Gateway API does not end server-sent events.",
        where="infra/k8s/components/gateway-api/gateway.yaml",
        old="request: 0s",
        new="request: 15s",
        tests=tests_in(f"{_TESTS}/test_routes.py", "test_the_gateway_api_has_the_same_routes"),
    ),
    Mutation(
        name="nginx-lets-events-flow",
        promise="On a laptop, the gateway does not end server-sent events while there is no event to send.",
        where="marketplace.gateway:_location",
        old="proxy_read_timeout 60s;",
        new="",
        tests=tests_in(
            f"{_TESTS}/test_timeouts.py", "test_timeouts_fit_each_other[pause-between-events-shorter-than-nginx-wait]"
        ),
    ),
)
