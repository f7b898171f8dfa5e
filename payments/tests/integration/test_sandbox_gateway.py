"""The sandbox with concurrent calls and outages, on a real MongoDB."""

import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from payments.tests.sandboxes import sandbox
from pymongo import AsyncMongoClient

from common.domain.ids import PaymentId, new_id
from common.storage.mongo import Mongo, MongoDriver
from devkit.servers.mongod import Mongod
from devkit.servers.ports import free_port
from payments.gateway.protocol import CardDeclined, ChargeId, GatewayUnavailable

AT_ONCE = 100


async def test_100_concurrent_charges_of_one_payment_charge_once_with_one_result(mongo: Mongo) -> None:
    gateways = [sandbox(mongo.database) for _ in range(AT_ONCE)]
    payment_id = PaymentId(new_id())

    answers = await asyncio.gather(
        *(gateway.charge(payment_id=payment_id, amount=1999, token="tok_visa") for gateway in gateways)
    )

    assert len(set(answers)) == 1
    assert await mongo.database["sandbox_charges"].count_documents({}) == 1


async def test_100_concurrent_charges_of_a_bad_card_are_one_decline(mongo: Mongo) -> None:
    gateway = sandbox(mongo.database)
    payment_id = PaymentId(new_id())

    answers = await asyncio.gather(
        *(gateway.charge(payment_id=payment_id, amount=1999, token="tok_chargeDeclined") for _ in range(AT_ONCE)),
        return_exceptions=True,
    )

    assert {type(answer) for answer in answers} == {CardDeclined}
    assert await mongo.database["sandbox_charges"].count_documents({}) == 1


async def test_100_concurrent_refunds_of_one_payment_refund_once(mongo: Mongo) -> None:
    gateway = sandbox(mongo.database)
    payment_id = PaymentId(new_id())
    charge_id = await gateway.charge(payment_id=payment_id, amount=1999, token="tok_visa")

    refunds = await asyncio.gather(
        *(gateway.refund(payment_id=payment_id, charge_id=charge_id) for _ in range(AT_ONCE))
    )

    assert len(set(refunds)) == 1
    assert await mongo.database["sandbox_refunds"].count_documents({}) == 1


@pytest.mark.parametrize("client_type", [AsyncIOMotorClient, AsyncMongoClient])
async def test_a_database_that_is_down_means_that_the_outcome_is_unknown(client_type: Any) -> None:
    client = client_type(f"mongodb://127.0.0.1:{free_port()}/", serverSelectionTimeoutMS=50)
    gateway = sandbox(client["payments"])

    with pytest.raises(GatewayUnavailable, match="database does not answer"):
        await gateway.charge(payment_id=PaymentId(new_id()), amount=1999, token="tok_visa")
    with pytest.raises(GatewayUnavailable, match="database does not answer"):
        await gateway.refund(payment_id=PaymentId(new_id()), charge_id=ChargeId("ch_sandbox_1"))

    closing = client.close()
    if inspect.isawaitable(closing):
        await closing


@pytest.mark.slow
async def test_a_charge_survives_a_kill_of_the_database(tmp_path: Path, driver: MongoDriver) -> None:
    async with Mongod(tmp_path, free_port()) as mongod:
        mongo = Mongo(mongod.url, "payments", driver)
        gateway = sandbox(mongo.database)
        payment_id = PaymentId(new_id())
        first = await gateway.charge(payment_id=payment_id, amount=1999, token="tok_visa")

        await mongod.kill()
        await mongod.start()

        assert await gateway.charge(payment_id=payment_id, amount=1999, token="tok_visa") == first
        await mongo.close()
