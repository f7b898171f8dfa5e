"""The running platform after the folder of NATS was deleted."""

import shutil
from pathlib import Path

import httpx
import pytest
from system.people import Person

from devkit.servers import free_port
from devkit.testing.eventually import eventually
from marketplace.platform import Platform
from marketplace.settings import PlatformSettings


@pytest.mark.slow
async def test_services_publish_and_receive_again_after_the_folder_of_nats_was_deleted(tmp_path: Path) -> None:
    """Also the event that waited in an outbox meanwhile. Those that the folder had are lost."""
    settings = PlatformSettings(gateway_port=free_port(in_a_row=30), data_dir=tmp_path / "data")
    async with (
        Platform(settings) as platform,
        Person.signed_up(platform.url) as seller,
        Person.signed_up(platform.url) as buyer,
    ):
        platform.pause("nats")
        ticket = await seller.lists()  # NATS does not acknowledge its event
        shutil.rmtree(settings.data_dir / "nats")
        await platform.kill("nats")

        async def orders_the_ticket() -> httpx.Response:
            return await buyer.http.post("/api/orders", json={"ticketId": ticket["id"]})

        ordered = await eventually(
            orders_the_ticket,
            until=lambda answer: answer.status_code == httpx.codes.CREATED,
            within=20,
            what="an order of the ticket, whose event orders has received",
        )
        await seller.sees_ticket_held_by(ticket, ordered.json()["id"])
        await buyer.pays(ordered.json())
        await buyer.sees_order_become(ordered.json(), "completed")
