"""The page at the gateway's root: what the platform does, and links to the documentation of each API."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

front_page = APIRouter(include_in_schema=False)

_APIS = (
    ("auth", "Sign up, sign in, sign out; who is signed in"),
    ("tickets", "List a ticket, change the listing, see what can be bought"),
    ("orders", "Order a ticket, cancel an order, read its timeline"),
    ("payments", "Pay for an order"),
    ("expiration", "No API of its own: it consumes and publishes events"),
)

_ROWS = "\n".join(
    f'<li><a href="/api/docs/{name}">{name}</a> <span>{text}</span>'
    f' <a class="raw" href="/api/docs/{name}/openapi.json">openapi.json</a></li>'
    for name, text in _APIS
)

_PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ticket marketplace</title>
<style>
  body {{ font: 1.05rem/1.6 system-ui, sans-serif; max-width: 44rem; margin: 4rem auto; padding: 0 1.2rem;
    color: #1d2733; }}
  h1 {{ font-size: 1.7rem; margin-bottom: .2rem; }}
  ul {{ list-style: none; padding: 0; }}
  li {{ padding: .7rem 0; border-top: 1px solid #dde3ea; display: flex; gap: 1rem; flex-wrap: wrap; }}
  li > a:first-child {{ font-weight: 600; min-width: 6.5rem; }}
  li span {{ flex: 1; min-width: 14rem; }}
  a {{ color: #0a5fb4; }}
  .raw {{ font-size: .85rem; }}
  code {{ background: #eef2f6; padding: .1rem .35rem; border-radius: .25rem; }}
</style>
<h1>Ticket marketplace</h1>
<p>Five services that share nothing but events. Sellers list tickets; an order holds one until it is paid or its time
runs out.</p>
<ul>
{_ROWS}
</ul>
<p>On a laptop, <code>make demo</code> runs complete sales against this address.</p>
</html>
"""


@front_page.get("/", response_class=HTMLResponse)
async def show_front_page() -> str:
    return _PAGE
