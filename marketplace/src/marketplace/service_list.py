"""Generates the list of all services, for the page that links the documentation of their APIs.

The auth service serves this page, but must not import other services. So the command `marketplace docs` writes
this list to the file services.json, and the auth service reads this file.
"""

import json

from marketplace.registry import SERVICES


def generate() -> str:
    services = [{"name": spec.name, "summary": spec.summary} for spec in SERVICES]
    return json.dumps(services, indent=2) + "\n"
