import json
import re
import subprocess
from pathlib import Path

import pytest

from common.domain.errors import DependencyUnavailable, DomainError, NotFound
from common.http.errors import BodyTooLarge, HttpError, InternalError, MethodNotAllowed, status_of
from marketplace.gateway import REFUSALS, ROUTES, Gateway, nginx_configuration
from marketplace.registry import SERVICE_NAMES

PORTS_OF = {service: [9000 + number] for number, service in enumerate(SERVICE_NAMES)}


def test_nginx_accepts_the_configuration_also_in_a_folder_with_a_space(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "a folder", 8080, PORTS_OF | {"orders": [1, 2]}, log_path=tmp_path / "log")
    checked = subprocess.run([*gateway.command(), "-t"], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr


def test_every_route_is_in_the_configuration_and_leads_to_its_service() -> None:
    written = nginx_configuration(8080, PORTS_OF)
    assert {route.service for route in ROUTES} == set(SERVICE_NAMES)
    for route in ROUTES:
        assert re.search(
            rf"location [=~] \^?{route.path}(\(/\|\$\))? {{ proxy_pass http://{route.service};[^}}]* }}", written
        )


def test_all_instances_are_upstreams() -> None:
    assert "server 127.0.0.1:1 max_fails=0; server 127.0.0.1:2 max_fails=0;" in nginx_configuration(
        8080, PORTS_OF | {"orders": [1, 2]}
    )


def test_every_refusal_is_a_problem_with_its_lines() -> None:
    bodies = re.findall(r"return (\d+) '(.*)'; }", nginx_configuration(8080, PORTS_OF))
    assert len(bodies) == len(REFUSALS)
    for status, body in bodies:
        problem = json.loads(body)
        assert problem.keys() == {"type", "title", "status", "detail", "errors"}
        assert problem["status"] == int(status)
        assert problem["errors"] == [{"message": problem["detail"]}]


@pytest.mark.parametrize("error", [NotFound, MethodNotAllowed, BodyTooLarge, InternalError, DependencyUnavailable])
def test_a_refusal_has_the_code_and_title_that_services_use(error: type[DomainError] | type[HttpError]) -> None:
    (refusal,) = [refusal for refusal in REFUSALS if refusal.status == status_of(error)]
    assert (refusal.code, refusal.title) == (error.code, error.title)
