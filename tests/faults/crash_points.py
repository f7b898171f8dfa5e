"""Crash points: a process that crashes between two steps leaves no work undone, and no work is done twice."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

from common.events.catalog import MESSAGES
from common.events.envelope import decode
from common.messaging.streams import stream_of
from faults.acks import recorded_acks
from faults.context import ScenarioContext
from faults.crash_moments import BEFORE_ACK, BEFORE_CLEAR
from faults.crashes import MOMENTS, Crash, Scene, cause_event, every_crash
from faults.crashing_instance import CrashedAt, CrashingInstance
from faults.event_counts import tickets_with_too_many_versions, wrong_event_counts
from faults.idle import expire_open_orders, require_clean_audit, wait_until_idle
from faults.outboxes import OWNERS
from faults.scenario import Outcome, PromiseBroken, Scenario, require
from marketplace.operations.dead_letters import list_dead_letters
from marketplace.operations.stream_reader import read_stream

_TICKETS_WITH_OTHER_INSTANCES = 6
_TIMEOUT_SECONDS = 40.0


async def run(context: ScenarioContext) -> Outcome:
    crashes = every_crash()
    async with recorded_acks(context.operator.broker) as acks:
        scene = Scene(context, await context.person(), await context.person(), await context.person(), acks)
        if context.short:
            # One crash of each moment, all at once, while the other instances run: they take over the work.
            chosen = [context.random.choice([each for each in crashes if each.moment == m]) for m in MOMENTS]
            await _crash(scene, chosen, alone=False)
        else:
            # One crash after the other, with no other instance of the service: those started afterwards take over.
            chosen = crashes
            for done, crash in enumerate(chosen):
                await _crash(scene, [crash], alone=True)
                context.progress(done + 1, len(chosen))
    wrong = await wrong_event_counts(context)
    require(not wrong, f"events and changes differ: {wrong[:3]}")
    too_often = await tickets_with_too_many_versions(context, scene.tickets)
    require(not too_often, f"events had an effect twice: {too_often[:3]}")
    counts = Counter(crash.moment for crash in chosen)
    return Outcome(
        done="users signed up; tickets listed, withdrawn, ordered; orders paid, cancelled, expired",
        injected="a process of the real service kills itself (SIGKILL) once: between write and publish, between "
        "publish and clearing of the outbox, or between a handler's write and its ack"
        + ("; other instances run" if context.short else "; no other instance runs, two start afterwards"),
        checked=("" if context.short else "outbox, stream and consumer right after the crash; ")
        + "each event once in its stream, and acknowledged once, at a later delivery; no dead letter; the audit; one "
        "event per change; no ticket changed more often than its orders did",
        figures={moment: str(counts[moment]) for moment in MOMENTS},
    )


async def _crash(scene: Scene, crashes: Sequence[Crash], *, alone: bool) -> None:
    """Cause the crashes; check the state right after each, and that the other instances finish the work."""
    context = scene.context
    await expire_open_orders(context)  # the deadline of an older order could trigger the crash
    before = {letter.id for letter in await list_dead_letters(context.operator)}
    per_crash = 1 if alone else _TICKETS_WITH_OTHER_INSTANCES
    tickets = [[await scene.list_ticket() for _ in range(per_crash)] for _ in crashes]
    await wait_until_idle(context)  # an older event in an outbox could trigger the crash
    instances = [name for crash in crashes for name in (crash.service, f"{crash.service}-2")] if alone else []
    for name in instances:
        await context.platform.kill(name, restart=False)
    crashing = [CrashingInstance(context, crash.service, crash.moment, crash.what) for crash in crashes]
    try:
        await asyncio.gather(*(each.start() for each in crashing))
        events = await asyncio.gather(*map(_until_crashed, [scene] * len(crashes), crashes, crashing, tickets))
        if alone:  # otherwise the other instances have already taken over
            for crash, event in zip(crashes, events, strict=True):
                await _expect_state_after_crash(scene, crash, event)
    finally:
        await asyncio.gather(*(each.kill() for each in crashing))
        await asyncio.gather(*map(context.platform.start, instances))
    await require_clean_audit(context)
    for crash, event in zip(crashes, events, strict=True):
        await _expect_finished(scene, crash, event)
    new = [letter for letter in await list_dead_letters(context.operator) if letter.id not in before]
    shown = [(letter.consumer, letter.event, letter.reason) for letter in new]
    require(not new, f"dead letters after {', '.join(map(str, crashes))}: {shown}")


async def _until_crashed(scene: Scene, crash: Crash, instance: CrashingInstance, tickets: Sequence[str]) -> CrashedAt:
    """Cause the event until the instance crashes; return the event at which it crashed.

    Several tries may be needed, because another running instance may receive the event.
    """
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while instance.is_running:
        require(time.monotonic() < deadline, f"{crash}: the instance did not reach this moment")
        await asyncio.gather(*(cause_event(scene, crash, instance, ticket) for ticket in tickets))
        await instance.wait(2.5 if crash.cause == "expire" else 0.5 if len(tickets) > 1 else 10)
        if instance.is_running:
            tickets = [await scene.list_ticket() for _ in tickets]
    if event := instance.crashed_at():
        return event
    raise PromiseBroken(f"{crash}: crashed for another reason ({instance.ending}): {instance.last_lines(3)}")


async def _expect_state_after_crash(scene: Scene, crash: Crash, event: CrashedAt) -> None:
    """Check outbox, stream and consumer right after the crash, while no other instance runs."""
    operator = scene.context.operator
    if crash.moment == BEFORE_ACK:
        consumer = crash.consumer
        info = await operator.broker.jetstream.consumer_info(consumer.stream.name, consumer.name)
        require(bool(info.num_ack_pending), f"{crash}: nothing is in flight, so it crashed after its ack")
        return
    service, collection = OWNERS[event.subject.partition(".")[0]]
    key = event.subject.rpartition(".")[2]
    document = await operator.databases[service][collection].find_one({"_id": key}) or {}
    staged = [entry["id"] for entry in document.get("outbox", [])]
    require(event.event_id in staged, f"{crash}: {event.event_id} is not in the outbox: {staged}")
    count = len(await _sequences(scene, event))
    require(count == (crash.moment == BEFORE_CLEAR), f"{crash}: {event.event_id} is {count} times in the stream")


async def _expect_finished(scene: Scene, crash: Crash, event: CrashedAt) -> None:
    sequences = await _sequences(scene, event)
    require(len(sequences) == 1, f"{crash}: {event.event_id} is {len(sequences)} times in the stream")
    if crash.moment == BEFORE_ACK:
        acks = scene.acks.of(crash.consumer.name, sequences[0])
        seen = [(ack.verdict, ack.delivery) for ack in acks]
        require(len(acks) == 1 and acks[0].verdict == "+ACK" and acks[0].delivery > 1, f"{crash}: answered with {seen}")


async def _sequences(scene: Scene, event: CrashedAt) -> list[int]:
    """Return the event's sequence numbers in its stream. Other events may have the same subject, but not its id."""
    stream = stream_of(MESSAGES[event.subject.rpartition(".")[0]]).name
    messages = read_stream(scene.context.operator.broker, stream, [event.subject])
    return [each.sequence async for each in messages if decode(each.subject, each.data).event_id == event.event_id]


SCENARIO = Scenario("Crash points", run)
