"""`marketplace provision` on several NATS servers, as in the production overlay."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from marketplace.tests.integration.typed import run
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, DeliverPolicy
from nats.js.errors import APIError

from common.messaging.broker import Broker
from common.messaging.consumer import unsuitable_settings
from common.messaging.provisioning import provision_streams
from common.messaging.retry import RetryPolicy
from common.messaging.streams import STREAMS
from devkit.servers import NatsServer, free_port, nats_cluster_url, run_nats_cluster
from devkit.testing.eventually import eventually
from marketplace.registry import CONSUMERS_OF
from tickets.consumers import CONSUMERS

FIRST = CONSUMERS[0]
DECLARED = FIRST.config(RetryPolicy())


@pytest.mark.slow
async def test_each_stream_and_consumer_is_kept_on_as_many_servers_as_asked_for(tmp_path: Path) -> None:
    async with run_nats_cluster(tmp_path) as servers:
        url = nats_cluster_url(servers)
        await _provisioned(url, replicas="3")
        async with _jetstream(url) as jetstream:
            assert await _replicas(jetstream) == {3}
            for consumer in (each for consumers in CONSUMERS_OF.values() for each in consumers):
                found = await jetstream.consumer_info(consumer.stream.name, consumer.name)
                assert found.cluster is not None
                assert len(found.cluster.replicas or ()) == 2  # beside the leader


@pytest.mark.slow
async def test_provisioning_never_reduces_replicas_unless_it_is_told_to(tmp_path: Path) -> None:
    async with run_nats_cluster(tmp_path) as servers:
        url = nats_cluster_url(servers)
        await _provisioned(url, replicas="3")
        assert await _provisioned(servers[0].url) == []
        await servers[0].kill()
        async with _jetstream(url) as jetstream:
            await eventually(lambda: _loss_is_noticed(jetstream), within=30, what="streams that miss one server")
            said = await _provisioned(servers[1].url)
            assert await _replicas(jetstream) == {3}
            assert said == [
                f"{stream.name} keeps its 3 replicas, but only 2 of them are up to date now. Is a NATS server down?"
                for stream in STREAMS
            ]
            told = await _provisioned(servers[1].url, replicas="1")
            assert await _replicas(jetstream) == {1}
            assert told == [f"{each.name} is now stored on 1 NATS server, before on 3." for each in STREAMS]


@pytest.mark.slow
async def test_streams_get_three_replicas_when_nats_has_three_servers(tmp_path: Path) -> None:
    async with run_nats_cluster(tmp_path) as servers:
        url = nats_cluster_url(servers)
        await _provisioned(url, replicas="1")
        async with _jetstream(url) as jetstream:
            assert await _replicas(jetstream) == {1}
            assert await _provisioned(url) == []
            assert await _replicas(jetstream) == {3}


@pytest.mark.slow
async def test_with_two_servers_provisioning_says_that_it_has_no_replicas(tmp_path: Path) -> None:
    async with run_nats_cluster(tmp_path, size=2) as servers:
        url = nats_cluster_url(servers)
        said = await _provisioned(url)
        assert len(said) == len(STREAMS)
        assert said[0].startswith(f"{STREAMS[0].name} is stored on 1 NATS server only, because NATS has fewer than 3")
        async with _jetstream(url) as jetstream:
            assert await _replicas(jetstream) == {1}
            with pytest.raises(APIError, match="no suitable peers"):
                await provision_streams(jetstream, replicas=3)
            assert await _replicas(jetstream) == {1}


async def test_a_single_server_stores_each_stream_once_and_needs_no_warning(tmp_path: Path) -> None:
    async with NatsServer(tmp_path, free_port()) as server:
        assert await _provisioned(server.url) == []
        assert await _provisioned(server.url) == []
        async with _jetstream(server.url) as jetstream:
            assert await _replicas(jetstream) == {1}


@pytest.mark.parametrize(
    "found", [{"headers_only": True}, {"deliver_group": None}, {"max_deliver": 3}, {"filter_subjects": []}], ids=str
)
async def test_provisioning_mends_the_settings_that_nats_can_change(tmp_path: Path, found: dict[str, Any]) -> None:
    async with NatsServer(tmp_path, free_port()) as server, _jetstream(server.url) as jetstream:
        await provision_streams(jetstream)
        await jetstream.add_consumer(FIRST.stream.name, DECLARED.evolve(**found))
        assert await _provisioned(server.url) == []
        mended = await jetstream.consumer_info(FIRST.stream.name, FIRST.name)
        assert unsuitable_settings(mended.config, DECLARED) == []


@pytest.mark.parametrize(
    ("found", "refusal"),
    [
        ({"deliver_policy": DeliverPolicy.NEW}, "deliver policy can not be updated"),
        ({"ack_policy": AckPolicy.ALL}, "ack policy can not be updated"),
        ({"deliver_subject": None, "deliver_group": None}, "can not update pull consumer to push based"),
    ],
    ids=["deliver_policy", "ack_policy", "deliver_subject"],
)
async def test_provisioning_says_what_to_do_about_a_setting_that_nats_cannot_change(
    tmp_path: Path, found: dict[str, Any], refusal: str
) -> None:
    async with NatsServer(tmp_path, free_port()) as server, _jetstream(server.url) as jetstream:
        await provision_streams(jetstream)
        await jetstream.add_consumer(FIRST.stream.name, DECLARED.evolve(**found))
        done = await asyncio.to_thread(run, {**os.environ, "NATS_URL": server.url, "STREAM_REPLICAS": ""}, "provision")
        assert done.returncode == 1
        assert f"the consumer {FIRST.name}: {refusal}. Delete it" in done.stderr
        others = {each.name for consumers in CONSUMERS_OF.values() for each in consumers}
        assert {each.name for stream in STREAMS for each in await jetstream.consumers_info(stream.name)} == others
        await jetstream.delete_consumer(FIRST.stream.name, FIRST.name)
        assert await _provisioned(server.url) == []


@pytest.mark.parametrize("number", ["0", "6", "many"])
def test_an_invalid_number_of_replicas_is_refused_before_connecting(number: str) -> None:
    done = run({**os.environ, "NATS_URL": "nats://127.0.0.1:1", "STREAM_REPLICAS": number}, "provision")
    assert done.returncode == 2
    assert "STREAM_REPLICAS" in done.stderr or "--replicas" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_invalid_address_in_a_list_is_refused_without_the_password() -> None:
    done = run({**os.environ, "NATS_URL": "nats://u:hunter2@a:1,nats://u:hunter2@:2"}, "provision")
    assert done.returncode == 2
    assert "nats://[user:password@]host[:port]" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


async def _provisioned(url: str, replicas: str = "") -> list[str]:
    """Run the command with this value of STREAM_REPLICAS, and return what it says after the success."""
    variables = {**os.environ, "NATS_URL": url, "STREAM_REPLICAS": replicas}
    done = await asyncio.to_thread(run, variables, "provision")
    assert (done.returncode, done.stderr) == (0, "")
    _, finished, warnings = done.stdout.partition("The streams and consumers are up to date.\n")
    assert finished, done.stdout
    return warnings.splitlines()


@asynccontextmanager
async def _jetstream(url: str) -> AsyncIterator[JetStreamContext]:
    broker = Broker(url, "test")
    await broker.connect()
    try:
        yield broker.jetstream
    finally:
        await broker.close()


async def _replicas(jetstream: JetStreamContext) -> set[int | None]:
    return {(await jetstream.stream_info(stream.name)).config.num_replicas for stream in STREAMS}


async def _loss_is_noticed(jetstream: JetStreamContext) -> bool:
    """Return True if each stream has a leader that knows that one of the two other servers is not up to date."""
    try:
        found = [await jetstream.stream_info(stream.name) for stream in STREAMS]
    except (TimeoutError, APIError):
        return False
    return all(
        each.cluster and [peer.current for peer in each.cluster.replicas or ()].count(False) == 1 for each in found
    )
