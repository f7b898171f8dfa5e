"""Generates the list of all services, for the front page.

The auth service serves the front page, but must not import other services. So it reads this list from a file.
"""

import json

from marketplace.registry import SERVICES


def generate() -> str:
    services = [{"name": spec.name, "summary": spec.summary} for spec in SERVICES]
    return json.dumps(services, indent=2) + "\n"
