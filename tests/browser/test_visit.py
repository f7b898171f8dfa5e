"""What makes a test in the browser fail at its end."""

import asyncio
import gc
import json

import pytest
from browser.visit import OpenVisit, visiting
from playwright.async_api import Browser, Page, Route
from system.people import Person

from devkit.servers import free_port
from devkit.testing.eventually import eventually
from marketplace.platform import Platform

_HTTPS_OF_ANOTHER_HOST = {
    "image": "new Image().src = URL",
    "style sheet": "document.head.innerHTML = `<link rel=stylesheet href=${URL}>`",
    "font": "new FontFace('foreign', `url(${URL})`).load().catch(() => {})",
    "script": "document.head.append(Object.assign(document.createElement('script'), {src: URL}))",
    "fetch": "fetch(URL).catch(() => {})",
    "event stream": "new EventSource(URL)",
    "frame": "document.body.innerHTML = `<iframe src=${URL}></iframe>`",
    "navigation": "location.href = URL",
    "window": "open(URL)",
    "worker": "new Worker(window.URL.createObjectURL(new Blob([`fetch('${URL}').catch(() => {})`])))",
}


@pytest.mark.parametrize("kind", _HTTPS_OF_ANOTHER_HOST)
async def test_a_request_to_another_host_fails_the_test_with_its_url(
    browser: Browser, platform: Platform, kind: str
) -> None:
    url = "https://other.example/what"

    async def visit_and_request() -> None:
        async with visiting(browser, platform.url) as visit:
            page = await visit.open("/api/docs")
            async with visit.context.expect_event("request", lambda request: request.url == url):
                await _run(page, _HTTPS_OF_ANOTHER_HOST[kind], url)

    with pytest.raises(AssertionError, match=f"other hosts: .*{url}"):
        await visit_and_request()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("script", ["fetch(URL)", "new WebSocket(URL.replace('http', 'ws'))"])
async def test_a_request_to_another_port_of_this_machine_fails_the_test_too(
    browser: Browser, platform: Platform, host: str, script: str
) -> None:
    other = f"{host}:{free_port()}"

    async def visit_and_request() -> None:
        async with visiting(browser, platform.url) as visit:
            await _run(await visit.open("/api/docs"), script, f"http://{other}/what")
            await eventually(visit.has_errors, what="the failure of the request")

    with pytest.raises(AssertionError, match=f"other hosts: .*{other}"):
        await visit_and_request()


async def test_what_a_page_sends_to_another_host_while_it_closes_fails_the_test(
    browser: Browser, platform: Platform
) -> None:
    other = f"127.0.0.1:{free_port()}"

    async def visit_and_leave() -> None:
        async with visiting(browser, platform.url) as visit:
            page = await visit.open("/api/docs")
            await _run(page, "addEventListener('pagehide', () => navigator.sendBeacon(URL, 'bye'))", f"http://{other}/")
            await page.goto("about:blank")
            await eventually(visit.has_requested_other_hosts, what="the request")

    with pytest.raises(AssertionError, match=f"other hosts: .*{other}"):
        await visit_and_leave()


async def test_no_request_reaches_another_host(browser: Browser, platform: Platform) -> None:
    async def visit_and_request() -> None:
        async with visiting(browser, platform.url) as visit:
            page = await visit.open("/api/docs")
            url = platform.url.replace("127.0.0.1", "localhost")  # it would answer
            answer = await page.evaluate("url => fetch(url, {mode: 'no-cors'}).catch(error => error.message)", url)
            assert answer == "Failed to fetch"

    with pytest.raises(AssertionError, match="other hosts"):
        await visit_and_request()


async def test_data_urls_and_requests_to_the_platform_are_allowed(open_visit: OpenVisit) -> None:
    page = await (await open_visit()).open("/api/docs")
    await _run(page, "fetch(URL)", "data:text/plain,hello")
    assert await page.evaluate("fetch('/api/tickets').then(answer => answer.status)") == 200


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("console.error('a broken promise')", "a broken promise"),
        ("setTimeout(() => { throw new Error('nobody catches it') })", "uncaught: Error: nobody catches it"),
        ("setTimeout(() => Promise.reject(new Error('nobody awaits it')))", "uncaught: Error: nobody awaits it"),
        ("fetch('/api/orders')", "401 .*/api/orders"),
    ],
)
async def test_an_error_in_the_browser_fails_the_test_unless_the_test_expects_it(
    browser: Browser, platform: Platform, script: str, message: str
) -> None:
    async def provoke(*expected: str) -> None:
        async with visiting(browser, platform.url) as visit:
            for each in expected:
                visit.expect_error(each)
            await _run(await visit.open("/api/docs"), script, "")
            await eventually(visit.has_errors, what="the error")

    await provoke("something else", message)
    with pytest.raises(AssertionError, match=message):
        await provoke("something else")


@pytest.mark.parametrize("of", ["context", "page"])
async def test_a_request_that_a_test_is_still_answering_at_its_end_is_no_failure(
    open_visit: OpenVisit, buyer: Person, of: str
) -> None:
    visit, asked = await open_visit(buyer), asyncio.Event()
    page = await visit.open("/api/docs")

    async def answer_never(_: Route) -> None:
        while await buyer.sees("/api/users/currentuser"):  # until `buyer` has left
            asked.set()

    await (visit.context if of == "context" else page).route("**/api/tickets", answer_never)
    await _run(page, "void fetch(URL)", "/api/tickets")
    await asked.wait()


async def test_a_person_who_leaves_while_they_ask_leaves_no_connection_open(platform: Platform) -> None:
    asked = asyncio.Event()

    async def ask(person: Person) -> None:
        while await person.sees("/api/users/currentuser"):
            asked.set()

    async with Person.signed_up(platform.url) as person:
        asking = [asyncio.create_task(ask(person)) for _ in range(50)]
        await asked.wait()
    ends = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(end) for end in ends} == {RuntimeError}  # httpx: the client is closed. No request was cut off.
    del person, asking, ends
    gc.collect()  # pytest reports an open connection that the garbage collector finds


async def test_a_person_is_signed_in_in_a_visit_of_their_own_only(open_visit: OpenVisit, buyer: Person) -> None:
    async def who(page: Page) -> str | None:
        answer = json.loads(await page.inner_text("body"))
        return answer["currentUser"] and str(answer["currentUser"]["email"])

    path = "/api/users/currentuser"
    theirs, of_nobody = await open_visit(buyer), await open_visit()
    assert await who(await theirs.open(path)) == (await buyer.sees(path))["currentUser"]["email"]
    assert await who(await of_nobody.open(path)) is None


async def _run(page: Page, script: str, url: str) -> None:
    await page.evaluate(f"URL => {{ {script} }}", url)
