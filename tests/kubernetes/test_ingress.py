"""What the Ingress and its controller let in, and how."""

from kubernetes.rendering import RENDERED, container_of, render

_OPERATIONAL = ("/metrics", "/healthz")
"""For Prometheus and the probes, inside the cluster."""


def test_production_answers_at_its_own_host_alone_and_with_tls() -> None:
    ingress = render(RENDERED["production"]).one("Ingress", "marketplace")["spec"]
    hosts = {rule.get("host") for rule in ingress["rules"]}
    assert None not in hosts, "it would answer whatever name a request has"
    protected = {host for each in ingress.get("tls", ()) if each.get("secretName") for host in each["hosts"]}
    assert protected == hosts


def test_the_ingress_leads_to_no_path_that_is_for_operators() -> None:
    for name in ("kind", "production"):
        for rule in render(RENDERED[name]).one("Ingress", "marketplace")["spec"]["rules"]:
            for each in rule["http"]["paths"]:
                reached = [path for path in _OPERATIONAL if _leads(each["path"], each["pathType"], path)]
                assert reached == [], f"{name}: {each['path']}"


def test_our_controller_takes_a_prefix_for_whole_parts_of_a_path() -> None:
    """As Kubernetes defines it; Traefik by itself would lead /api/orders1 to where /api/orders leads."""
    controller = render(RENDERED["ingress-controller"]).one("Deployment", "traefik")["spec"]["template"]
    assert "--providers.kubernetesingress.strictprefixmatching=true" in container_of(controller)["args"]


def test_our_controller_answers_503_and_not_404_while_no_pod_of_a_service_is_ready() -> None:
    """Without this, Traefik drops the route: https://github.com/traefik/traefik/issues/9242."""
    controller = render(RENDERED["ingress-controller"]).one("Deployment", "traefik")["spec"]["template"]
    assert "--providers.kubernetesingress.allowemptyservices=true" in container_of(controller)["args"]


def _leads(rule: str, path_type: str, path: str) -> bool:
    if path_type == "Exact":
        return rule == path
    return path == rule or path.startswith(f"{rule.rstrip('/')}/") or rule.startswith(f"{path}/")
