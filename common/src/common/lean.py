"""A service loads nothing that only happens to lie beside it: in an image nothing does, on a laptop the tools do.

structlog would take rich, for tracebacks that we have it print plainly; nats-py would take aiohttp, for WebSockets that
we do not speak; FastAPI takes pydantic's old API, for models that we do not write; PyMongo takes cryptography, for a
TLS by pyOpenSSL, which is not installed; uvicorn takes watchfiles, to reload code, which `marketplace dev` does by
itself. All of them do without what is not there. Together that is 13 MiB in every
service (docs/performance.md).

The programs import this before anything else, and nobody else does: the tools want theirs.
"""

import sys

for unused in ("rich", "aiohttp", "pydantic.v1", "pymongo.pyopenssl_context", "watchfiles"):
    sys.modules[unused] = None  # type: ignore[assignment] # None: not to be had (documentation of sys.modules)
