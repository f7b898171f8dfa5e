"""Renders the pages with Jinja2, and gives each page its security headers."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import status
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from common.domain.clock import Clock
from common.domain.tokens import SignedInUser
from common.http.money import CURRENCY
from storefront import formats
from storefront.catching_up import CatchingUp
from storefront.face import face_of, hue_of

_FOLDER = Path(__file__).parent
ASSETS = _FOLDER / "static"

_CSP = "Content-Security-Policy"
_STRIPE = (
    "; script-src 'self' https://js.stripe.com; frame-src https://js.stripe.com https://hooks.stripe.com"
    "; connect-src 'self' https://api.stripe.com; img-src 'self' https://*.stripe.com"
)
"""What a page with Stripe's card form needs beside our own files. No other page may use it."""

_HEADERS = {
    # Everything comes from our own address: no script, style, picture or font from another site, and none in the page.
    _CSP: "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    # The browser may store a page, but must ask before it shows it again. Pages differ between people.
    "Cache-Control": "private, no-cache",
    "Vary": "Cookie",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@cache
def assets_digest() -> str:
    """Return a text that changes when any asset changes. It is part of their addresses, so browsers may keep them."""
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted(ASSETS.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


class Renderer:
    def __init__(
        self, clock: Clock, catching_up: CatchingUp, stripe_key: str | None = None, *, has_live_page: bool = False
    ) -> None:
        """`stripe_key` is the public key of Stripe, if the pages show its card form."""
        self._clock = clock
        self._catching_up = catching_up
        self._stripe_key = stripe_key
        self._templates = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals |= {"stripe_key": stripe_key, "currency": CURRENCY, "has_live_page": has_live_page}
        self._templates.globals |= {"asset": _asset, "face_svg": _face, "hue": hue_of}
        self._templates.filters |= {
            "money": formats.money,
            "decimal": formats.decimal,
            "iso": formats.iso,
            "clock_time": formats.clock_time,
            "precise_time": formats.precise_time,
            "date_and_time": formats.date_and_time,
            "event_time": formats.event_time,
            "place_parts": formats.place_parts,
        }

    @property
    def card_form_headers(self) -> dict[str, str]:
        """The additional headers of a page with the card form."""
        return {_CSP: _HEADERS[_CSP] + _STRIPE} if self._stripe_key else {}

    def page(
        self,
        template: str,
        user: SignedInUser | None,
        position: int = 0,
        *,
        status_code: int = status.HTTP_200_OK,
        headers: Mapping[str, str] | None = None,
        **values: Any,  # noqa: ANN401 - whatever this template shows
    ) -> HTMLResponse:
        """Render a page for this person. `position` is the place in the event stream up to which it is current."""
        now: datetime = self._clock()
        common = {"user": user, "position": position, "now": now, "catching_up": self._catching_up.percent}
        text = self._templates.get_template(template).render(**common, **values)
        return HTMLResponse(text, status_code, {**_HEADERS, **(headers or {})})


def _asset(name: str) -> str:
    return f"/assets/{assets_digest()}/{name}"


def _face(ticket_id: str) -> Markup:
    return Markup(face_of(ticket_id))  # noqa: S704 - our own drawing: it contains numbers only
