"""A real service that kills itself, once, at one moment between two steps of its work.

`python -m faults.dying_service SERVICE MOMENT WHAT`: WHAT is the event's type, or for `before-ack` the consumer's name.
The service is built as its own composition root builds it, and then one part of it is made mortal.
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
from faults.moments import BEFORE_ACK, BEFORE_PUBLISH, LAST_WORDS


def main() -> None:
    package, moment, what = sys.argv[1:]
    module = import_module(f"{package}.main")
    settings: Any = load_settings(getattr(import_module(f"{package}.settings"), f"{package.capitalize()}Settings"))
    if moment == BEFORE_ACK:
        module.CONSUMERS = tuple(_mortal(each) if each.name == what else each for each in module.CONSUMERS)  # type: ignore[attr-defined]

    def create_app() -> FastAPI:
        app: FastAPI = module.create_app(settings)
        if moment != BEFORE_ACK:
            _make_mortal(app.state.dependencies.instance.publisher, moment, what)
        return app

    serve(package, settings, create_app)


def _mortal(consumer: Consumer[Any]) -> Consumer[Any]:
    """It survives what is about older things than itself: the bell of an order paid long ago changes nothing."""
    born = int(time.time())

    async def handle(service: Any, event: Any) -> None:
        await consumer.handle(service, event)
        if ObjectId(event.id).generation_time.timestamp() >= born:
            _die(event.subject)

    return replace(consumer, handle=handle)


def _make_mortal(publisher: Publisher, moment: str, event_type: str) -> None:
    publish = publisher.publish

    async def publish_or_die(staged: StagedEvent) -> None:
        doomed = staged.subject.startswith(f"{event_type}.")
        if doomed and moment == BEFORE_PUBLISH:
            _die(staged.subject)
        await publish(staged)
        if doomed:
            _die(staged.subject)

    publisher.publish = publish_or_die  # type: ignore[method-assign]


def _die(subject: str) -> NoReturn:
    sys.stdout.write(f"{LAST_WORDS}{json.dumps(subject)}\n")
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable: nobody survives SIGKILL")


if __name__ == "__main__":
    main()
