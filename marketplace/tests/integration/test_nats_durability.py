"""The cluster's NATS writes an event to the disk before it acknowledges it, as the running server reports."""

from pathlib import Path

import httpx
from marketplace.tests.integration.cluster_nats import ClusterNats


async def test_the_clusters_nats_writes_each_event_to_the_disk_before_it_acknowledges_it(tmp_path: Path) -> None:
    """Otherwise a power failure could lose the events of the last two minutes, and damage the streams."""
    async with ClusterNats(tmp_path) as server, httpx.AsyncClient() as client:
        running = (await client.get(f"http://127.0.0.1:{server.monitor_port}/varz")).json()
        assert running["jetstream"]["config"]["sync_always"]
