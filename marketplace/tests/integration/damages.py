"""Damages to the stored data of a story. Each function damages one thing, as an accident or a bug could do it."""

from datetime import timedelta

from marketplace.tests.integration.damaged_story import Story

from common.domain.clock import utc_now
from common.domain.ids import new_id


async def read_model_missing(story: Story) -> None:
    await story.marketplace.collection("tickets", "order_replicas").delete_one({"_id": story.open})


async def read_model_old(story: Story) -> None:
    await story.change("orders", "ticket_replicas", story.held, version=1)
    await story.change("tickets", "order_replicas", story.cancelled, version=1, is_live=True)


async def read_model_wrong_at_the_same_version(story: Story) -> None:
    await story.change("payments", "order_replicas", story.open, price=1)


async def read_model_newer_than_any_event(story: Story) -> None:
    await story.change("tickets", "order_replicas", story.open, version=99, is_live=False)


async def read_model_without_a_version(story: Story) -> None:
    await story.marketplace.collection("tickets", "order_replicas").update_one(
        {"_id": story.open}, {"$unset": {"version": 1}}
    )


async def read_model_orphaned(story: Story) -> None:
    orphan = {"_id": new_id(), "version": 1, "ticket_id": story.free, "is_live": True}
    await story.marketplace.collection("tickets", "order_replicas").insert_one(orphan)


async def pages_lack_a_payment(story: Story) -> None:
    await story.marketplace.collection("storefront", "payments").delete_one({"_id": story.payment})


async def pages_show_another_price(story: Story) -> None:
    await story.change("storefront", "tickets", story.free, price=1)


async def pages_show_an_unknown_order(story: Story) -> None:
    orders = story.marketplace.collection("storefront", "orders")
    await orders.insert_one({**(await orders.find_one({"_id": story.open}) or {}), "_id": new_id()})


async def ticket_held_by_a_dead_order(story: Story) -> None:
    await story.change("tickets", "tickets", story.free, order_id=story.cancelled)


async def ticket_held_by_an_unknown_order(story: Story) -> None:
    await story.change("tickets", "tickets", story.free, order_id=new_id())


async def ticket_not_held_by_its_open_order(story: Story) -> None:
    await story.change("tickets", "tickets", story.held, order_id=None)


async def payment_of_a_cancelled_order(story: Story) -> None:
    await story.change("payments", "payments", story.payment, order_id=story.cancelled)


async def payment_missing(story: Story) -> None:
    await story.marketplace.collection("payments", "payments").delete_one({"_id": story.payment})


async def second_live_order(story: Story) -> None:
    orders = story.marketplace.collection("orders", "orders")
    original = await orders.find_one({"_id": story.open}) or {}
    await orders.drop_index("one_live_order_a_ticket")
    await orders.insert_one({**original, "_id": new_id(), "outbox": []})


async def deadline_whose_timer_did_not_fire(story: Story) -> None:
    await story.change("orders", "orders", story.open, expires_at=utc_now() - timedelta(minutes=1))


async def deadline_missing(story: Story) -> None:
    await story.marketplace.collection("expiration", "deadlines").delete_one({"_id": story.open})


async def event_of_an_order_lost(story: Story) -> None:
    await story.lose(f"order.cancelled.{story.cancelled}")


async def first_event_of_an_order_lost(story: Story) -> None:
    await story.lose(f"order.created.{story.cancelled}")


async def event_of_a_payment_lost(story: Story) -> None:
    await story.lose(f"payment.created.{story.payment}")


async def user_whose_event_was_lost(story: Story) -> None:
    await story.marketplace.collection("auth", "users").insert_one(
        {"_id": new_id(), "version": 1, "email": "a@example.com", "password_hash": "secret", "outbox": []}
    )


async def owner_behind_its_events(story: Story) -> None:
    await story.change("orders", "orders", story.cancelled, version=1, status="created")


async def owner_differs_from_its_event(story: Story) -> None:
    await story.change("tickets", "tickets", story.sold, price=1)


async def ticket_lost(story: Story) -> None:
    await story.marketplace.collection("tickets", "tickets").delete_one({"_id": story.free})


async def order_at_another_price(story: Story) -> None:
    await story.change("orders", "orders", story.open, **{"ticket.price": 50000})


async def owner_out_of_shape(story: Story) -> None:
    await story.change("orders", "orders", story.open, status="lost")


async def charge_without_an_outcome(story: Story) -> None:
    charges = story.marketplace.collection("payments", "sandbox_charges")
    await charges.update_one({"_id": story.payment}, {"$unset": {"outcome": 1}})


async def charge_without_an_amount(story: Story) -> None:
    await story.change("payments", "sandbox_charges", story.payment, request=7)


async def outbox_out_of_shape(story: Story) -> None:
    await story.marketplace.services["orders"].runtime.relay.drain(1)
    await story.change("orders", "orders", story.completed, outbox=[{"id": 1}])


async def outbox_that_is_no_list(story: Story) -> None:
    await story.marketplace.services["orders"].runtime.relay.drain(1)
    await story.change("orders", "orders", story.completed, outbox=7)


async def event_stuck_in_its_outbox(story: Story) -> None:
    old = {"id": "x", "subject": "y", "data": "{}", "headers": {}, "staged_at": utc_now() - timedelta(minutes=1)}
    await story.marketplace.services["tickets"].runtime.relay.drain(1)
    await story.change("tickets", "tickets", story.free, outbox=[old])
