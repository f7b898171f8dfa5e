"""Every path of the Ingress leads to the service that serves it, and the laptop's gateway has the same."""

import pytest
import yaml
from fastapi.routing import iter_route_contexts
from kubernetes.applications import VALUES, create, serves
from kubernetes.rendering import MANIFESTS, Objects

from marketplace.gateway import ROUTES, Route

_FILE = MANIFESTS / "components" / "gateway-api" / "gateway.yaml"


def _of_ingress(overlay: Objects) -> list[Route]:
    (rule,) = overlay.one("Ingress", "marketplace")["spec"]["rules"]
    return [
        Route(each["path"], each["backend"]["service"]["name"], exact=each["pathType"] == "Exact")
        for each in rule["http"]["paths"]
    ]


def test_the_ingress_and_the_laptops_gateway_have_the_same_routes(overlay: Objects) -> None:
    """An Ingress cannot mark server-sent events: its controller passes them on in the same way as other answers."""
    assert sorted(_of_ingress(overlay)) == sorted(route._replace(sends_events=False) for route in ROUTES)


def test_the_gateway_api_has_the_same_routes() -> None:
    """Its rule for server-sent events switches off the timeout, which some controllers have by themselves."""
    (route,) = (each for each in yaml.safe_load_all(_FILE.read_text()) if each["kind"] == "HTTPRoute")
    found = []
    assert len(route["spec"]["rules"]) <= 16, "the Gateway API allows no more rules"
    for rule in route["spec"]["rules"]:
        (backend,) = rule["backendRefs"]
        assert backend["port"] == 8000
        assert len(rule["matches"]) <= 8, "older versions of the Gateway API allow no more matches in a rule"
        sends_events = rule.get("timeouts") == {"request": "0s"}
        found += [
            Route(path["value"], backend["name"], path["type"] == "Exact", sends_events)
            for path in (match["path"] for match in rule["matches"])
        ]
    assert sorted(found) == sorted(ROUTES)


def test_every_path_leads_to_a_port_of_a_service_that_is_there(overlay: Objects) -> None:
    (rule,) = overlay.one("Ingress", "marketplace")["spec"]["rules"]
    for each in rule["http"]["paths"]:
        backend = each["backend"]["service"]
        ports = overlay.one("Service", backend["name"])["spec"]["ports"]
        assert backend["port"]["name"] in {port["name"] for port in ports}, each["path"]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
async def test_every_route_leads_to_a_service_that_serves_its_path(
    route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create(route.service, {**VALUES, "PORT": "8000", "LIVE_PAGE": "on"}, monkeypatch)
    paths = [str(getattr(each, "path", "")) for each in iter_route_contexts(app.routes)]
    below = [path for path in paths if path.startswith(f"{route.path}/")]
    candidates = [route.path, *([] if route.exact else below)]
    assert any([await serves(app, path) for path in candidates])
