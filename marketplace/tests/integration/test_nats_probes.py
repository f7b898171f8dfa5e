"""The probes of the NATS pod ignore a fault that a restart does not repair."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import yaml
from marketplace.tests.integration.cluster_nats import CONFIGURATION, ClusterNats

from common.messaging.streams import TIMERS
from marketplace.provisioning import provision_everything


def _container() -> dict[str, Any]:
    objects = yaml.safe_load_all((CONFIGURATION / "nats.yaml").read_text(encoding="utf-8"))
    (pod,) = [each["spec"]["template"]["spec"] for each in objects if each["kind"] == "StatefulSet"]
    (container,) = pod["containers"]
    return dict(container)


@pytest.fixture(scope="module")
async def damaged(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ClusterNats]:
    """A server that cannot recover one of its streams, and serves the others.

    A server that catches up with the other two of a cluster is in the same state: it runs, but a stream is not healthy.
    """
    server = ClusterNats(tmp_path_factory.mktemp("nats"))
    async with server:
        await provision_everything(server.url_of("provisioning"), replicas=1)
        await server.kill()
        (description,) = server.data_dir.rglob(f"streams/{TIMERS.name}/meta.inf")
        description.write_text("{}", encoding="utf-8")
        await server.start()
        yield server


@pytest.mark.parametrize("probe", ["livenessProbe", "readinessProbe"])
async def test_an_unhealthy_stream_neither_restarts_nats_nor_stops_its_traffic(
    damaged: ClusterNats, probe: str
) -> None:
    """A restart would start the recovery again, and the other streams of the server are needed meanwhile."""
    assert await _status(damaged, "/healthz") == httpx.codes.SERVICE_UNAVAILABLE, "no stream is unhealthy"
    assert await _status(damaged, _container()[probe]["httpGet"]["path"]) == httpx.codes.OK


async def _status(server: ClusterNats, path: str) -> int:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.monitor_port}", trust_env=False) as client:
        return (await client.get(path)).status_code
