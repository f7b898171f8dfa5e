"""The ports of a platform on one machine. We compute all of them from the port of the gateway."""

from marketplace.registry import SERVICE_NAMES

_SERVER_OFFSETS = {"gateway": 0, "nats": 6, "mongod": 7, "nats monitor": 8}
_FIRST_OFFSET_OF_MORE_INSTANCES = 20
_SERVICE_OFFSETS = [
    offset for offset in range(1, _FIRST_OFFSET_OF_MORE_INSTANCES) if offset not in _SERVER_OFFSETS.values()
]
_OFFSETS = _SERVER_OFFSETS | dict(zip(SERVICE_NAMES, _SERVICE_OFFSETS, strict=False))


def port_of(name: str, gateway_port: int) -> int:
    """Return the port of the process with this name.

    `name` is `gateway`, `nats`, `mongod`, `nats monitor`, or the name of a service. For a service, this is the port of
    its first instance.
    """
    return gateway_port + _OFFSETS[name]


def port_of_another_instance(number: int, gateway_port: int) -> int:
    """Return the port of an additional instance of a service, which means any instance except the first.

    The additional instances of all services form one list. `number` is the position of the instance in this list. The
    first position is 0.
    """
    return gateway_port + _FIRST_OFFSET_OF_MORE_INSTANCES + number
