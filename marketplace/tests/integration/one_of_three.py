"""One of production's three NATS servers, with the configuration of the overlay."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from marketplace.tests.integration.cluster_nats import ClusterNats

PRODUCTION = Path("infra/k8s/overlays/production/cluster.conf")


class OneOfThree(ClusterNats):
    """Its routes lead to ports of this machine, where the cluster has a name for each server."""

    def __init__(self, data_dir: Path, number: int, route_ports: Sequence[int]) -> None:
        super().__init__(data_dir)
        self._number = number
        self._route_ports = route_ports

    def command(self) -> list[str]:
        started_by = super().command()
        text = PRODUCTION.read_text(encoding="utf-8")
        everywhere = '"0.0.0.0:6222"'
        assert everywhere in text
        here = f'"127.0.0.1:{self._route_ports[self._number]}"'
        (self.data_dir / "etc" / "cluster.conf").write_text(text.replace(everywhere, here), encoding="utf-8")
        return started_by

    def environment(self) -> Mapping[str, str]:
        routes = {
            f"NATS_ROUTE_{number}": f"nats://route:secret@127.0.0.1:{port}"
            for number, port in enumerate(self._route_ports)
        }
        mine = {"POD_NAME": f"nats-{self._number}", "NATS_PASSWORD_ROUTE": "secret"}
        return {**super().environment(), **routes, **mine}
