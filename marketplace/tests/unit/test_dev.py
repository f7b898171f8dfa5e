from pathlib import Path

import pytest

from marketplace.dev import services_to_restart
from marketplace.registry import SERVICE_NAMES

FOLDERS = {package: Path("/checkout", package, "src", package) for package in ("common", *SERVICE_NAMES)}


def test_a_change_in_one_package_restarts_that_service_alone() -> None:
    changed = [FOLDERS["orders"] / "routes.py"]
    assert services_to_restart(changed, FOLDERS) == {"orders": Path("orders/routes.py")}


def test_a_change_in_common_restarts_every_service() -> None:
    changed = [FOLDERS["common"] / "http" / "app.py"]
    assert services_to_restart(changed, FOLDERS) == dict.fromkeys(SERVICE_NAMES, Path("common/http/app.py"))


def test_several_changes_restart_each_service_once() -> None:
    changed = [FOLDERS["auth"] / "user.py", FOLDERS["tickets"] / "page.html", FOLDERS["auth"] / "routes.py"]
    assert services_to_restart(changed, FOLDERS) == {
        "auth": Path("auth/routes.py"),
        "tickets": Path("tickets/page.html"),
    }


@pytest.mark.parametrize("path", ["/checkout/README.md", "/checkout/orders/src/orders_old/routes.py"])
def test_a_change_outside_the_packages_restarts_nothing(path: str) -> None:
    assert services_to_restart([Path(path)], FOLDERS) == {}
