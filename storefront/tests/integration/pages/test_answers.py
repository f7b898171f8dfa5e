"""What every answer of the shop has: security headers, safe text, small weight; and its files."""

import gzip
import re

import httpx
import pytest
from storefront.tests.shop import Shop

from devkit.testing.running import Surroundings, somebody
from devkit.testing.samples import listed_ticket, order_events
from storefront.consumers import CONSUMERS
from storefront.main import create_app
from storefront.rendering import ASSETS, assets_digest
from storefront.settings import StorefrontSettings

PAGES = [
    "/",
    "/?q=x",
    "/signin",
    "/signup",
    "/sell",
    "/selling",
    "/orders",
    "/tickets/65f0c0ffee00000000000010",
    "/orders/x",
]
MOST_BYTES = 60 * 1024


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("signed_in", [False, True], ids=["anybody", "signed in"])
async def test_every_page_has_its_security_headers(shop: Shop, path: str, *, signed_in: bool) -> None:
    """Also the pages about an error."""
    headers = (await shop.get(path, somebody() if signed_in else None)).headers
    assert headers["content-type"] == "text/html; charset=utf-8"
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "private, no-cache"
    assert "Cookie" in headers["vary"]
    assert headers["x-correlation-id"]


async def test_with_a_key_of_stripe_the_page_of_an_order_alone_may_use_its_files(surroundings: Surroundings) -> None:
    settings = surroundings.settings(StorefrontSettings, "storefront", stripe_publishable_key="pk_test_1")
    created, _, _ = order_events(listed_ticket().id)
    async with surroundings.running(lambda: create_app(settings, policy=surroundings.policy), CONSUMERS) as running:
        shop = Shop(running, running.client())
        await shop.follow(created)
        pages = {path: await shop.get(path, created.user_id) for path in [*PAGES, f"/orders/{created.id}"]}
    assert [path for path, page in pages.items() if "stripe.com" in page.headers["content-security-policy"]] == [
        f"/orders/{created.id}"
    ]
    assert [path for path, page in pages.items() if "stripe.com" in page.text] == [f"/orders/{created.id}"]


@pytest.mark.parametrize("path", sorted(ASSETS.iterdir()), ids=lambda path: path.name)
async def test_a_file_may_be_kept_only_under_the_current_digest(shop: Shop, path: object) -> None:
    name = getattr(path, "name", "")
    current = await shop.client.get(f"/assets/{assets_digest()}/{name}")
    other = await shop.client.get(f"/assets/{'0' * 12}/{name}")
    assert current.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert other.headers["cache-control"] == "no-store"
    assert current.content == other.content == (ASSETS / name).read_bytes()
    for answer in (current, other):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"].split(";")[0] in {"text/css", "text/javascript", "image/svg+xml"}


OUTSIDE = [
    "../rendering.py",
    "..%2frendering.py",
    "%2e%2e%2frendering.py",
    "..%5crendering.py",
    "%2e%2e",
    "%2e",
    "%00shop.css",
]
OUTSIDE += [
    "shop.css%00",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "a" * 300 + ".css",
    "SHOP.CSS%20",
    "shop.css/..%2fshop.js",
    "*",
]


@pytest.mark.parametrize("name", OUTSIDE, ids=lambda name: name[:20])
async def test_no_address_leads_to_a_file_outside(shop: Shop, name: str) -> None:
    for digest in (assets_digest(), "%2e%2e"):
        address = httpx.URL(scheme="http", host="service", raw_path=f"/assets/{digest}/{name}".encode())
        answer = await shop.client.get(address)
        assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("page", ["/signin", "/signup"])
@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [
        ("/orders", "/orders"),
        ("/?q=a%26b", "/?q=a&amp;b"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/%5Cevil.example", "/"),
        ("%5C%5Cevil.example", "/"),
        ("/%09/evil.example", "/"),
        ("/%0A/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("evil.example", "/"),
        ("%20//evil.example", "/"),
        ("", "/"),
    ],
)
async def test_after_signing_in_nobody_is_led_to_another_site(shop: Shop, page: str, wanted: str, goes_to: str) -> None:
    answer = await shop.get(f"{page}?next={wanted}")
    (form,) = [found for found in re.findall(r'data-next="([^"]*)"', answer.text) if found]
    assert form == goes_to
    signed_in = await shop.get(f"{page}?next={wanted}", somebody())
    assert f'<a href="{goes_to}">Go on</a>' in signed_in.text


TITLES = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "</title></bdi><b>&amp;lt;",
    "\u202eright to left\u202c \u05d0\u05d1",
    "🎸" * 50,
    "x" * 200,
]


@pytest.mark.parametrize("title", TITLES, ids=lambda title: ascii(title)[:20])
async def test_a_title_is_shown_as_its_text_whatever_it_contains(shop: Shop, title: str) -> None:
    seller = somebody()
    ticket = listed_ticket(title=title, seller=seller)
    await shop.follow(ticket)
    escaped = "".join(
        {"<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&#34;", "'": "&#39;"}.get(each, each) for each in title
    )
    for path in ("/", f"/tickets/{ticket.id}", "/selling"):
        page = (await shop.get(path, seller)).text
        assert f">{escaped}</bdi>" in page, path
        assert escaped == title or title not in page, path
    searched = (await shop.client.get("/", params={"q": title}, headers={"Accept": "text/html"})).text
    assert "<script>alert" not in searched
    assert "<img src=x" not in searched


async def test_the_heaviest_page_is_at_most_60_kib_in_all(shop: Shop) -> None:
    """HTML, style, scripts and icon, compressed: 24 cards with long titles that have nothing in common."""
    tickets = [listed_ticket(title=f"{number:x}{somebody()}{somebody()}"[:60]) for number in range(25)]
    await shop.follow(*tickets)
    page = await shop.get("/", somebody())
    assert page.headers["content-encoding"] == "gzip"
    assert page.text.count('class="ticket"') == 24
    weight = len(gzip.compress(page.content, 5))
    for path in ASSETS.iterdir():
        answer = await shop.client.get(f"/assets/{assets_digest()}/{path.name}")
        weight += len(gzip.compress(answer.content, 5))
    assert weight <= MOST_BYTES
