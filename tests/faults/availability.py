"""What users may see of an outage: which answers are allowed, and how long the recovery takes."""

import asyncio
import time

from faults.context import Person, ScenarioContext
from faults.load import Answer, Load
from faults.scenario import require
from marketplace.registry import SERVICE_NAMES

UNAVAILABLE = 503
ENDS_WITHIN_SECONDS = 5.0
_EVENT_HAS_NOT_COME = {("order", 404), ("pay", 404)}
"""The service has not received the event of a new ticket or order yet."""

OUR_PROCESSES = (*SERVICE_NAMES, *(f"{service}-2" for service in SERVICE_NAMES), "gateway")
"""The processes of a platform with two instances of each service, without MongoDB and NATS."""


def require_fitting_answers(under_load: Load) -> None:
    """Require that each request ended within 5 s with a success, a 503, or a 404 for an event that has not come."""
    unfit = under_load.other_than(_is_fitting)
    require(not unfit, f"{len(unfit)} unexpected answers: {', '.join(map(str, unfit[:3]))}")
    slow = under_load.other_than(lambda answer: answer.seconds <= ENDS_WITHIN_SECONDS)
    require(not slow, f"{len(slow)} requests took too long: {', '.join(map(str, slow[:3]))}")


def require_successful_reads(under_load: Load) -> None:
    """Require that each read succeeded. A read needs no broker."""
    unread = [answer for answer in under_load.answers if answer.to == "browse" and not answer.is_success]
    require(not unread, f"{len(unread)} reads failed: {', '.join(map(str, unread[:3]))}")


def _is_fitting(answer: Answer) -> bool:
    return answer.is_success or answer.status == UNAVAILABLE or (answer.to, answer.status) in _EVENT_HAS_NOT_COME


async def seconds_to_recover(context: ScenarioContext, seller: Person, buyer: Person) -> float:
    """Return the seconds until a new ticket can be ordered and every instance is ready."""
    began = time.monotonic()
    try:
        await asyncio.gather(lists_and_orders(seller, buyer), context.platform.until_ready(*OUR_PROCESSES, seconds=20))
    except TimeoutError as error:
        require(condition=False, message=f"after the outage: {error}")
    return time.monotonic() - began


async def lists_and_orders(seller: Person, buyer: Person) -> None:
    """List a ticket, and order it as soon as orders has received its event."""
    ticket = await seller.list_ticket()
    while not (order := await buyer.place_order(ticket)).is_success:
        require(("order", order.status_code) in _EVENT_HAS_NOT_COME, f"an order was answered {order.status_code}")
