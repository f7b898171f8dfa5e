"""`python -m faults.crashing_service SERVICE MOMENT WHAT`: runs a real service that kills itself at one moment.

WHAT is the event's type, or for `before-ack` the consumer's name. The service's composition root builds it; then one
consumer, or the publisher, is replaced by one that crashes.
"""

import json
import os
import signal
import sys
import time
from dataclasses import replace
from importlib import import_module
from typing import Any, NoReturn

from bson import ObjectId
from fastapi import FastAPI

from common.events.envelope import StagedEvent
from common.messaging.consumer import Consumer
from common.messaging.publisher import Publisher
from common.runtime.serve import serve
from common.runtime.settings import load_settings
from faults.crash_moments import BEFORE_ACK, BEFORE_PUBLISH, CRASH_LINE


def main() -> None:
    package, moment, what = sys.argv[1:]
    module = import_module(f"{package}.main")
    settings: Any = load_settings(getattr(import_module(f"{package}.settings"), f"{package.capitalize()}Settings"))
    if moment == BEFORE_ACK:
        module.CONSUMERS = tuple(_crashing_consumer(each) if each.name == what else each for each in module.CONSUMERS)  # type: ignore[attr-defined]

    def create_app() -> FastAPI:
        app: FastAPI = module.create_app(settings)
        if moment != BEFORE_ACK:
            _make_publisher_crash(app.state.dependencies.instance.publisher, moment, what)
        return app

    serve(package, settings, create_app)


def _crashing_consumer(consumer: Consumer[Any]) -> Consumer[Any]:
    """Crash after the handler's work. Events about older aggregates do not count, such as timers of older orders."""
    started = int(time.time())

    async def handle(service: Any, event: Any) -> None:
        await consumer.handle(service, event)
        if ObjectId(event.id).generation_time.timestamp() >= started:
            _crash(event.subject, event.event_id)

    return replace(consumer, handle=handle)


def _make_publisher_crash(publisher: Publisher, moment: str, event_type: str) -> None:
    publish = publisher.publish

    async def publish_or_crash(staged: StagedEvent) -> None:
        matches = staged.subject.startswith(f"{event_type}.")
        if matches and moment == BEFORE_PUBLISH:
            _crash(staged.subject, staged.id)
        await publish(staged)
        if matches:
            _crash(staged.subject, staged.id)

    publisher.publish = publish_or_crash  # type: ignore[method-assign]


def _crash(subject: str, event_id: str) -> NoReturn:
    sys.stdout.write(f"{CRASH_LINE}{json.dumps([subject, event_id])}\n")
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable: SIGKILL cannot be handled")


if __name__ == "__main__":
    main()
