"""NATS as it runs in the cluster: the real server, with the configuration that Kubernetes mounts."""

import asyncio
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from devkit.servers import free_port
from devkit.servers.nats_server import NatsServer, nats_server_program
from marketplace.registry import SERVICE_NAMES

CONFIGURATION = Path("infra/k8s/base/nats")
USERS = (*SERVICE_NAMES, "provisioning", "operator")

_VOLUME = "/data/jetstream"


class ClusterNats(NatsServer):
    """Differs from the cluster's NATS only in the folder of its streams, its address and its ports."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir, free_port(), free_port())

    def command(self) -> list[str]:
        mounted = self.data_dir / "etc"
        mounted.mkdir(parents=True, exist_ok=True)
        for file in CONFIGURATION.glob("*.conf"):
            (mounted / file.name).write_text(self._with_our_folder(file.read_text(encoding="utf-8")), encoding="utf-8")
        where = ["--addr", "127.0.0.1", "--port", str(self.port), "--http_port", str(self.monitor_port)]
        return [str(nats_server_program()), "--config", str(mounted / "nats.conf"), *where]

    @property
    def url(self) -> str:
        """The server refuses clients without a user."""
        return self.url_of("operator")

    def environment(self) -> Mapping[str, str]:
        """The variables that the pod gets, and no others."""
        return {"POD_NAME": "nats-0", **{f"NATS_PASSWORD_{user.upper()}": _password_of(user) for user in USERS}}

    def url_of(self, user: str) -> str:
        return f"nats://{user}:{_password_of(user)}@127.0.0.1:{self.port}"

    def refusals(self) -> list[str]:
        """Return the lines of its log about refused requests, of all users."""
        lines = self.log_path.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if "Violation" in line or "authentication error" in line]

    async def refused(self, user: str, operations: Iterable[str]) -> set[str]:
        """Return the operations ("PUB subject", "SUB subject", "SUB subject queue") that NATS refuses this user."""
        lines = [
            f"{operation} 0\r\n" if operation.startswith("PUB ") else f"{operation} {number}"
            for number, operation in enumerate(operations, start=1)
        ]
        return {_operation_of(error) for error in await self.errors(user, _password_of(user), lines)}

    async def errors(
        self, user: str, password: str, lines: Iterable[str] = (), *, port: int | None = None
    ) -> list[str]:
        """Send these lines of the protocol to the port for clients, or to another port; return the errors."""
        options = {"user": user, "pass": password, "verbose": False, "protocol": 1, "headers": True}
        reader, writer = await asyncio.open_connection("127.0.0.1", port or self.port)
        try:
            writer.write("\r\n".join([f"CONNECT {json.dumps(options)}", *lines, "PING", ""]).encode())
            said = ""
            while not said.endswith("PONG\r\n"):
                line = (await reader.readline()).decode()
                if not line:
                    break  # the server has closed the connection
                said += line
        finally:
            writer.close()
            await writer.wait_closed()
        return [line for line in said.splitlines() if line.startswith("-ERR")]

    def _with_our_folder(self, text: str) -> str:
        return text.replace(_VOLUME, json.dumps(str(self.data_dir.resolve() / "jetstream"), ensure_ascii=False))


def _password_of(user: str) -> str:
    return f"{user}-for-the-test"


def _operation_of(error: str) -> str:
    """`-ERR 'Permissions Violation for Publish to "a.b"'` means `PUB a.b`."""
    found = re.search(r'Permissions Violation for (Publish|Subscription) to "(\S+)"(?: using queue "(\S+)")?', error)
    assert found is not None, error
    what, subject, queue = found.groups()
    return " ".join(filter(None, ("PUB" if what == "Publish" else "SUB", subject, queue)))
