"""A password never leaves auth, and auth does not keep it."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from auth.spec import SPEC
from common.events.users import UserRegistered
from common.storage.mongo import Mongo
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.process import ServiceProcess, environment_of
from devkit.testing.running import Surroundings

PASSWORD = "hunter2 hunter2"
EMAIL = "buyer@example.com"
JSON = {"Content-Type": "application/json"}

ATTEMPTS: list[dict[str, Any]] = [
    {"json": {"email": EMAIL, "password": PASSWORD}},
    {"json": {"email": EMAIL, "password": "hunter2 or something like it"}},
    {"json": {"email": "nobody@example.com", "password": "hunter2"}},
    {"json": {"email": "no address", "password": PASSWORD}},
    {"json": {"email": PASSWORD, "password": PASSWORD}},
    {"json": {"email": EMAIL, "password": [PASSWORD]}},
    {"json": {"email": EMAIL, "password": PASSWORD * 20}},
    {"json": {"email": EMAIL, "password": PASSWORD, "passwordAgain": PASSWORD}},
    {"json": PASSWORD},
    {"content": f'{{"email": "{EMAIL}", "password": "{PASSWORD}"', "headers": JSON},
    {"content": f'{{"email": "{EMAIL}", "password": "{PASSWORD}"' + "[" * 9_000, "headers": JSON},
    {"data": {"email": EMAIL, "password": PASSWORD}},
]
"""Valid and invalid requests, with the password in every place where a client may put it by mistake."""


async def talk(process: ServiceProcess) -> list[httpx.Response]:
    async with httpx.AsyncClient(base_url=process.url, timeout=10) as client:
        answers = [
            await client.post(f"/api/users/{path}", **attempt)
            for path in ("signup", "signup", "signin")
            for attempt in ATTEMPTS
        ]
        return [*answers, await client.get("/api/users/currentuser")]


@pytest.mark.parametrize(("driver", "log_format"), [("motor", "json"), ("pymongo", "text")])
async def test_a_password_is_in_no_answer_log_event_or_document(
    log_format: str, surroundings: Surroundings, streams: EventStreams, tmp_path: Path
) -> None:
    environment = environment_of(
        SPEC,
        mongo_url=surroundings.mongo_url,
        nats_url=surroundings.nats_url,
        keys=surroundings.keys,
        driver=surroundings.driver,
    )
    database = f"auth-{surroundings.run_id}"
    talkative = {"LOG_LEVEL": "debug", "LOG_FORMAT": log_format, "MONGO_DATABASE": database}
    async with ServiceProcess(SPEC, tmp_path, environment | talkative) as process:
        await eventually(lambda: is_ready(process), what="ready")
        answers = await talk(process)
        await streams.eventually_published(UserRegistered)
    assert {answer.status_code for answer in answers} == {200, 201, 401, 409, 415, 422}

    mongo = Mongo(surroundings.mongo_url, database, surroundings.driver)
    stored = await mongo.database["users"].find({}).to_list(None)
    await mongo.close()
    (event,) = await streams.envelopes(UserRegistered)
    log = process.log_path.read_text(encoding="utf-8")
    assert "ready" in log
    assert "stopped" in log
    visible = {
        "answers": "\n".join(f"{dict(answer.headers)} {answer.text}" for answer in answers),
        "log": log,
        "event": f"{event.data!r} {event.headers}",
    }
    for where, text in {**visible, "database": str(stored)}.items():
        assert "hunter2" not in text, f"the password is in the {where}"
    for where, text in visible.items():
        assert "argon2" not in text, f"its hash is in the {where}"
        for line in surroundings.keys.private.splitlines():
            assert line not in text, f"the private key is in the {where}"


async def is_ready(process: ServiceProcess) -> bool:
    return (await process.get("/healthz/ready")).status_code == httpx.codes.OK
