"""Generates the list of services for the front page. auth serves the page, and must not import other services."""

import json

from marketplace.registry import SERVICES


def generate() -> str:
    services = [{"name": spec.name, "summary": spec.summary} for spec in SERVICES]
    return json.dumps(services, indent=2) + "\n"
