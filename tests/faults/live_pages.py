"""Live pages: what an open page shows is true again within one second after a fault, and stays so."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from devkit.testing.eventually import eventually
from faults.context import ScenarioContext
from faults.live_market import Market
from faults.live_page import LivePage
from faults.live_truth import read_history
from faults.live_verdict import Late, Outage, Record
from faults.scenario import Outcome, Scenario, require

_AT_MOST_LATE_SECONDS = 1.0
_VISIT_SECONDS = (4.0, 20.0)
_TICKETS = 24
"""So many are traded at the same time: as many as one page lists."""
_QUIET_SECONDS = (1.5, 3.0)
_DOWN_SECONDS = 2.0
_SHOWN = 4
_VISITORS = 16


@dataclass
class Visitors:
    """People who open pages, keep each open for a while, and then open another one."""

    market: Market
    http: httpx.AsyncClient
    pages: list[LivePage] = field(default_factory=list)

    async def come_and_go(self, chance: Random) -> None:
        while True:
            page = self._open(chance)
            with suppress(TimeoutError):  # then the person closes the page
                async with asyncio.timeout(chance.uniform(*_VISIT_SECONDS)):
                    await page.stay_open()

    def _open(self, chance: Random) -> LivePage:
        lists = ["/", f"/?q={self.market.word}", f"/?q={self.market.word}&show=all"]
        ticket = f"/tickets/{chance.choice(self.market.tickets[-_TICKETS:])}"
        self.pages.append(LivePage(self.http, chance.choice([*lists, ticket])))
        return self.pages[-1]


async def run(context: ScenarioContext) -> Outcome:
    faults = list(_faults(context))
    outages: list[Outage] = []
    market = Market(await context.person(), await context.person(), f"w{secrets.token_hex(6)}")
    async with _trade(context, market), _open_pages(context, market) as visitors:
        for done, parts in enumerate(faults):
            await asyncio.sleep(context.random.uniform(*_QUIET_SECONDS))  # some trade without a fault
            outages.append(await _inject(context, parts))
            context.progress(done + 1, len(faults))
        await asyncio.sleep(_QUIET_SECONDS[1])
    pages, end = visitors.pages, time.monotonic()
    differences = await context.settle()
    require(not differences, f"the audit found: {differences[:_SHOWN]}")
    found = _judge(pages, Record(await read_history(context.operator.broker, market.tickets), outages, end))
    trade = f"{market.steps} changes of {len(market.tickets)} tickets by buyers and sellers"
    return Outcome(
        done=f"{trade}; {len(pages)} pages opened",
        injected=f"{len(faults)} times kill -9 of storefront, orders, tickets, nats and mongod, alone or two at once",
        checked="each page shows each state and price of the owners at most 1 s late, or 1 s after all processes are "
        "ready again; no page is loaded with an older state than an open one has shown; the audit of all services",
        figures={
            "values shown": str(sum(len(shown) for page in pages for shown in page.shown.values())),
            "latest after a change": _latest(late for late in found if late.after is None),
            "latest after a fault": _latest(late for late in found if late.after is not None),
            "sold, shown on sale": _latest(late for late in found if late.is_sold_shown_on_sale),
        },
    )


def _judge(pages: Sequence[LivePage], record: Record) -> list[Late]:
    """Require the promise; return how late the pages were."""
    found = [late for page in pages for late in record.lateness(page)]
    too_late = [late for late in found if late.seconds > _AT_MOST_LATE_SECONDS]
    sold = [late for late in too_late if late.is_sold_shown_on_sale]
    shown = "; ".join(map(str, sorted(too_late, key=lambda late: -late.seconds)[:_SHOWN]))
    require(not too_late, f"{len(too_late)} times a page was late ({len(sold)} times sold, shown on sale): {shown}")
    older = list(record.older_loads(pages))
    require(not older, f"{len(older)} loads showed an older state than an open page: {older[:3]}")
    return found


def _latest(found: Iterable[Late]) -> str:
    return f"{max((late.seconds for late in found), default=0.0):.2f} s"


def _faults(context: ScenarioContext) -> list[tuple[str, ...]]:
    """Return the processes to kill, in order. Those of one entry are killed together."""
    one = context.random.choice
    storefront, orders, tickets = [(name, f"{name}-2") for name in ("storefront", "orders", "tickets")]
    alone = [("nats",), ("mongod",), (one(storefront),), (one(orders),), (one(tickets),)]
    together = [("mongod", one(storefront)), ("nats", one(storefront)), storefront]
    faults = [*alone, one(together)] if context.short else 3 * [*alone, *together]
    context.random.shuffle(faults)
    return faults


async def _inject(context: ScenarioContext, names: tuple[str, ...]) -> Outage:
    """Kill the processes, and start them again after a moment; return when all processes are ready again."""
    platform, began = context.platform, time.monotonic()
    await asyncio.gather(*(platform.kill(name, restart=False) for name in names))
    await asyncio.sleep(context.random.uniform(0, _DOWN_SECONDS))
    for name in names:  # mongod and nats come first: the others wait for them
        await platform.start(name)
    await platform.until_ready()
    return Outage(frozenset(name.removesuffix("-2") for name in names), began, time.monotonic())


@asynccontextmanager
async def _open_pages(context: ScenarioContext, market: Market) -> AsyncIterator[Visitors]:
    limits = httpx.Limits(max_connections=None)
    async with AsyncExitStack() as stack:
        http = httpx.AsyncClient(base_url=context.platform.url, timeout=30, limits=limits, trust_env=False)
        visitors = Visitors(market, await stack.enter_async_context(http))

        async def count() -> int:
            return len(market.tickets)

        await eventually(count, until=lambda listed: listed >= _TICKETS, what="tickets to show")
        for _ in range(_VISITORS):
            await stack.enter_async_context(_task(visitors.come_and_go(_chance(context))))
        yield visitors


@asynccontextmanager
async def _trade(context: ScenarioContext, market: Market) -> AsyncIterator[None]:
    trading = [asyncio.create_task(market.trade(_chance(context))) for _ in range(_TICKETS)]
    try:
        yield
    finally:
        market.is_closing = True
        await asyncio.gather(*trading)


def _chance(context: ScenarioContext) -> Random:
    """Return random numbers of one person, so that they do not depend on what the others do meanwhile."""
    return Random(context.random.random())


@asynccontextmanager
async def _task(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run this work until the end of the block. If it has failed before, fail."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
    if not task.cancelled():
        task.result()


SCENARIO = Scenario("Live pages", run, seeds=3)
