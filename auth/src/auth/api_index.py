"""Serves the page that links the documentation of each service's API, at the path "/api/docs"."""

import json
from functools import cache
from html import escape
from pathlib import Path
from string import Template

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

api_index = APIRouter(include_in_schema=False)

_SERVICES = Path(__file__).with_name("services.json")
"""A file with the name and the summary of each service.

This information comes from the module marketplace.registry. The auth service cannot import that module, because the
container image of the service does not contain the package marketplace. Therefore a developer runs the command
`make docs`, which writes the information into this file.
"""

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Ticket marketplace</title>
<style>
  body { font: 1.05rem/1.6 system-ui, sans-serif; color: #1d2733; }
  body { max-width: 44rem; margin: 4rem auto; padding: 0 1.2rem; }
  h1 { font-size: 1.7rem; margin-bottom: .2rem; }
  ul { list-style: none; padding: 0; }
  li { padding: .7rem 0; border-top: 1px solid #dde3ea; display: flex; gap: 1rem; flex-wrap: wrap; }
  li > a:first-child { font-weight: 600; min-width: 6.5rem; }
  li span { flex: 1; min-width: 14rem; }
  a { color: #0a5fb4; }
  .raw { font-size: .85rem; }
  code { background: #eef2f6; padding: .1rem .35rem; border-radius: .25rem; }
  @media (prefers-color-scheme: dark) {
    body { color: #ececf4; background: #12121c; }
    li { border-color: #34344d; }
    a { color: #a5a0ff; }
    code { background: #2a2a40; }
  }
</style>
<h1>The API of the ticket marketplace</h1>
<p>Sellers list tickets; an order holds one until it is paid or its time runs out. People use
<a href="/">the shop</a>; programs use the API of these services.</p>
<ul>
$rows
</ul>
<p>On a laptop, <code>make demo</code> runs complete sales against this address.</p>
</html>
""")


@cache
def _page() -> str:
    rows = (
        f'<li><a href="/api/docs/{each["name"]}">{each["name"]}</a> <span>{escape(each["summary"])}</span>'
        f' <a class="raw" href="/api/docs/{each["name"]}/openapi.json">openapi.json</a></li>'
        for each in json.loads(_SERVICES.read_text(encoding="utf-8"))
    )
    return _PAGE.substitute(rows="\n".join(rows))


@api_index.get("/api/docs", response_class=HTMLResponse)
async def show_api_index() -> str:
    return _page()
