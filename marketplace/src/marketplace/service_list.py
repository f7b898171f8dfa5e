"""Generates the list of services that the front page shows; auth serves the page and imports no other service."""

import json

from marketplace.registry import SERVICES


def generate() -> str:
    services = [{"name": spec.name, "summary": spec.summary} for spec in SERVICES]
    return json.dumps(services, indent=2) + "\n"
