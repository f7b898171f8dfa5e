"""The whole NATS server is restored from an older backup of its folder, alone or together with all databases."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from marketplace.tests.integration.backups import Trade, a_trade, present_states, put_back
from marketplace.tests.integration.operated import a_marketplace, an_operator

from common.messaging.broker import Broker
from devkit.servers import NatsServer, free_port
from devkit.testing.eventually import eventually
from devkit.testing.running import Surroundings
from marketplace.operations.audit import Report, audit
from marketplace.operations.operator import Operator
from marketplace.operations.repair import repair
from marketplace.operations.restore import restore
from marketplace.operations.stored_data import AGGREGATES
from marketplace.provisioning import provision_everything

pytestmark = pytest.mark.slow

CHARGED = "the sandbox was charged once per captured payment"


@dataclass
class Server:
    """A NATS server of its own, and a backup of its folder."""

    nats: NatsServer
    surroundings: Surroundings
    backup: Path

    async def back_up(self) -> None:
        await self.nats.stop()
        shutil.copytree(self.nats.data_dir, self.backup)
        await self.nats.start()
        await self._until_connected()

    async def put_back(self) -> None:
        await self.lose()
        shutil.copytree(self.backup, self.nats.data_dir, dirs_exist_ok=True)
        await self._restart()

    async def lose(self) -> None:
        await self.nats.stop()
        shutil.rmtree(self.nats.data_dir)

    async def start_empty(self) -> None:
        await self._restart()

    async def _restart(self) -> None:
        await self.nats.start()
        await provision_everything(self.nats.url)
        await self._until_connected()

    async def _until_connected(self) -> None:
        async def connected() -> bool:
            return self.surroundings.broker.is_connected

        await eventually(connected, what="a connection to NATS")


@pytest.fixture
async def server(surroundings: Surroundings, tmp_path: Path) -> AsyncIterator[Server]:
    async with NatsServer(tmp_path / "nats", free_port(), log_path=tmp_path / "nats.log") as nats:
        await provision_everything(nats.url)
        broker = Broker(nats.url, "test")
        await broker.connect()
        yield Server(nats, replace(surroundings, nats_url=nats.url, broker=broker), tmp_path / "backup")
        await broker.close()


@dataclass
class Traded:
    trade: Trade
    states: object


async def traded(server: Server) -> Traded:
    async with a_marketplace(server.surroundings) as marketplace:
        trade = await a_trade(marketplace, server.back_up)
        return Traded(trade, await present_states(marketplace.operator))


async def after_a_repair(server: Server) -> tuple[Report, object]:
    """Start the services, and return what the audit finds after a repair, and the state of all aggregates."""
    async with a_marketplace(server.surroundings) as marketplace:
        await repair(marketplace.operator, await audit(marketplace.operator))
        left = await audit(marketplace.operator, settle_seconds=15)
        return left, await present_states(marketplace.operator)


async def restore_all(operator: Operator) -> None:
    for owner in AGGREGATES:
        assert (await restore(operator, owner)).not_restored == {}


@pytest.mark.parametrize("lost", [False, True], ids=["older", "lost"])
async def test_the_stream_is_restored(server: Server, lost: bool) -> None:
    before = await traded(server)
    if lost:
        await server.lose()
        await server.start_empty()
    else:
        await server.put_back()
    left, states = await after_a_repair(server)
    assert left.differences == []
    assert states == before.states


async def test_everything_is_restored_from_backups_of_one_moment(server: Server) -> None:
    """The charges of later payments are known only to the card processor. The audit names them for a person."""
    before = await traded(server)
    await server.put_back()
    async with an_operator(server.surroundings) as operator:
        for owner in AGGREGATES:
            await put_back(operator, owner.service, before.trade.backups[owner.service])
        await restore_all(operator)
    left, _ = await after_a_repair(server)
    assert {each.rule for each in left.differences} == {CHARGED}
    assert len(left.differences) == 1
