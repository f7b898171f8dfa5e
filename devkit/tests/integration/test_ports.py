"""Servers that start at the same time get different ports."""

import random

import pytest

from devkit.servers import free_port


@pytest.fixture(autouse=True)
def _in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without chance, every call would return the first free port."""
    monkeypatch.setattr(random, "sample", lambda ports, _count: list(ports))


def test_a_port_is_given_only_once_although_nothing_listens_on_it_yet() -> None:
    first, second = free_port(in_a_row=3), free_port()
    assert second not in range(first, first + 3)


def test_workers_that_test_at_the_same_time_get_different_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "2")
    found = {}
    for worker in ("gw0", "gw1"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
        found[worker] = free_port()
    assert found["gw0"] < 21_000 <= found["gw1"]
