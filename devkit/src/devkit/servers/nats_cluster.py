"""NATS servers on this machine that form a cluster: a stream can be stored on three of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from devkit.servers.nats_server import NatsServer
from devkit.servers.ports import free_port

# no_advertise: a server does not send its clients the addresses of the other servers. A client would have no password
# for them.
_CLUSTER = """\
cluster {{
  name: marketplace
  no_advertise: true
  listen: "127.0.0.1:{port}"
  routes: [{routes}]
}}
"""


class NatsClusterMember(NatsServer):
    """One server of a cluster. `route_ports` are the ports on which the servers of the cluster find each other."""

    def __init__(self, data_dir: Path, number: int, port: int, route_ports: Sequence[int]) -> None:
        super().__init__(data_dir, port)
        self.name = f"nats-{number}"
        self._route_port = route_ports[number]
        self._route_ports = route_ports

    def command(self) -> list[str]:
        command = super().command()
        configuration = self.data_dir / "nats.conf"
        alone = configuration.read_text(encoding="utf-8")
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in self._route_ports)
        configuration.write_text(
            alone.replace("server_name: marketplace", f"server_name: {self.name}")
            + _CLUSTER.format(port=self._route_port, routes=routes),
            encoding="utf-8",
        )
        return command


def nats_cluster_url(members: Sequence[NatsServer]) -> str:
    """Return the addresses of all servers as one NATS_URL."""
    return ",".join(member.url for member in members)


@asynccontextmanager
async def run_nats_cluster(folder: Path, size: int = 3) -> AsyncIterator[list[NatsClusterMember]]:
    """Run a cluster of `size` servers. It may need some seconds more until it can create a stream with replicas."""
    first = free_port(in_a_row=2 * size)
    ports, routes = range(first, first + size), range(first + size, first + 2 * size)
    members = [NatsClusterMember(folder / f"nats-{n}", n, port, routes) for n, port in enumerate(ports)]
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(member) for member in members))
        yield members
