"""The processes of a platform, with their ports, folders and settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from devkit.servers import Mongod, NatsServer, Server
from marketplace.gateway import Gateway
from marketplace.keys import TokenKeys
from marketplace.ports import port_of, port_of_another_instance
from marketplace.registry import SERVICE_NAMES, service
from marketplace.service_process import ServiceProcess, service_environment
from marketplace.settings import PlatformSettings


@dataclass(frozen=True)
class Parts:
    """One object for each process of a platform. make_parts() creates the objects, but does not start the processes."""

    mongod: Mongod | None
    """None if the user has set MONGO_URL. The platform then uses the server at this address, and starts no mongod.

    In the same way, `nats` is None if the user has set NATS_URL.
    """
    nats: NatsServer | None
    services: list[ServiceProcess]
    gateway: Gateway
    mongo_url: str
    nats_url: str

    @property
    def stores(self) -> list[Server]:
        return [store for store in (self.mongod, self.nats) if store]

    @property
    def all(self) -> list[Server]:
        return [*self.stores, *self.services, self.gateway]

    @property
    def ports(self) -> dict[int, str]:
        """Maps each port that a process of the platform uses to the name of this process."""
        ports = {server.port: server.name for server in self.all}
        if self.nats and self.nats.monitor_port:
            ports[self.nats.monitor_port] = "the monitor of nats"
        return ports


def make_parts(settings: PlatformSettings, instances: Mapping[str, int], keys: TokenKeys) -> Parts:
    data, logs = settings.data_dir, settings.logs
    first = settings.gateway_port
    mongod = Mongod(data / "mongod", port_of("mongod", first), log_path=logs / "mongod.log")
    nats = NatsServer(data / "nats", port_of("nats", first), port_of("nats monitor", first), log_path=logs / "nats.log")
    mongo_url = settings.mongo_url or mongod.url
    nats_url = settings.nats_url or nats.url
    addresses = {"MONGO_URL": mongo_url, "NATS_URL": nats_url}
    services = [
        ServiceProcess(
            name,
            package,
            port,
            log_path=logs / f"{name}.log",
            environment=service_environment(service(package), port, settings, keys, addresses),
        )
        for name, package, port in _instances(settings, instances)
    ]
    ports_of = {package: [each.port for each in services if each.package == package] for package in SERVICE_NAMES}
    return Parts(
        mongod=None if settings.mongo_url else mongod,
        nats=None if settings.nats_url else nats,
        services=services,
        gateway=Gateway(data / "nginx", settings.gateway_port, ports_of, log_path=logs / "gateway.log"),
        mongo_url=mongo_url,
        nats_url=nats_url,
    )


def _instances(settings: PlatformSettings, instances: Mapping[str, int]) -> Iterator[tuple[str, str, int]]:
    """Yield the name, the package and the port of each instance of each service.

    First yield one instance per service, with the name of the service, such as `orders`. Then yield the additional
    instances, with names such as `orders-2` and higher ports.
    """
    for package in SERVICE_NAMES:
        yield package, package, port_of(package, settings.gateway_port)
    more = [
        (f"{package}-{number}", package)
        for package in SERVICE_NAMES
        for number in range(2, instances.get(package, 1) + 1)
    ]
    for position, (name, package) in enumerate(more):
        yield name, package, port_of_another_instance(position, settings.gateway_port)
