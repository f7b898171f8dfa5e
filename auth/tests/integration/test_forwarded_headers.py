"""The forwarded headers of a proxy are used only if the proxy's address is trusted."""

from pathlib import Path

import httpx
import pytest

from auth.spec import SPEC
from common.domain.ids import new_id
from devkit.testing.eventually import eventually
from devkit.testing.process import ServiceProcess, environment_of
from devkit.testing.running import Surroundings

# The HTTP server decides this, so one driver is enough.
pytestmark = pytest.mark.parametrize("driver", ["motor"])

GATEWAY, ANYBODY = "127.0.0.1", "127.0.0.2"
"""Both are addresses of this machine. By default, a service trusts only the first."""


@pytest.mark.slow
async def test_only_the_gateway_may_say_that_the_browser_uses_tls(
    surroundings: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    environment = environment_of(
        SPEC, mongo_url=surroundings.mongo_url, nats_url=surroundings.nats_url, keys=surroundings.keys
    )
    database = {"MONGO_DATABASE": f"auth-{surroundings.run_id}"}
    async with ServiceProcess(SPEC, tmp_path, environment | database) as process:
        await eventually(lambda: is_ready(process), what="ready")
        secure = {address: "secure" in await cookie_of_new_user(process, address) for address in (GATEWAY, ANYBODY)}
    assert secure == {GATEWAY: True, ANYBODY: False}


async def is_ready(process: ServiceProcess) -> bool:
    return (await process.get("/healthz/ready")).status_code == httpx.codes.OK


async def cookie_of_new_user(process: ServiceProcess, address: str) -> str:
    """Sign up from this address, saying that the browser speaks TLS; return the cookie's attributes."""
    transport = httpx.AsyncHTTPTransport(local_address=address)
    async with httpx.AsyncClient(transport=transport, base_url=process.url, timeout=10) as client:
        answer = await client.post(
            "/api/users/signup",
            json={"email": f"{new_id()}@example.com", "password": "correct horse battery"},
            headers={"X-Forwarded-Proto": "https"},
        )
    assert answer.status_code == httpx.codes.CREATED, answer.text
    _, _, attributes = answer.headers["set-cookie"].lower().partition(";")
    return attributes
