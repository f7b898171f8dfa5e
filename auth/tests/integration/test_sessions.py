"""Sessions: the cookie, the bearer token, and signing out."""

from http.cookies import SimpleCookie

import httpx
import pytest

from common.domain.tokens import SignedInUser, TokenVerifier
from devkit.testing.keys import KeyPair
from devkit.testing.running import RunningService

CREDENTIALS = {"email": "buyer@example.com", "password": "correct horse battery"}
TWELVE_HOURS = 12 * 60 * 60


@pytest.fixture
async def signed_up(browser: httpx.AsyncClient) -> httpx.Response:
    answer = await browser.post("/api/users/signup", json=CREDENTIALS)
    assert answer.status_code == 201
    return answer


def cookie_in(answer: httpx.Response) -> dict[str, str]:
    (header,) = answer.headers.get_list("set-cookie")
    cookie = SimpleCookie(header)
    assert list(cookie) == ["session"]
    return {
        "value": cookie["session"].value,
        **{name: str(value) for name, value in cookie["session"].items() if value},
    }


async def who_is_signed_in(client: httpx.AsyncClient, token: str | None = None) -> object:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = await client.get("/api/users/currentuser", headers=headers)
    assert answer.status_code == 200
    assert set(answer.json()) == {"currentUser"}
    return answer.json()["currentUser"]


@pytest.mark.parametrize(("scheme", "is_secure"), [("http", False), ("https", True)])
async def test_signing_up_and_in_set_a_cookie_that_is_hidden_from_scripts_and_sites(
    scheme: str, is_secure: bool, running: RunningService, signed_up: httpx.Response, keys: KeyPair
) -> None:
    browser = running.client()
    another = {**CREDENTIALS, "email": "another@example.com"}
    for path, credentials in (("signin", CREDENTIALS), ("signup", another)):
        answer = await browser.post(f"{scheme}://service/api/users/{path}", json=credentials)
        cookie = cookie_in(answer)
        token = cookie.pop("value")
        expected = {"httponly": "True", "samesite": "lax", "path": "/", "max-age": str(TWELVE_HOURS)}
        assert cookie == expected | ({"secure": "True"} if is_secure else {})
        user = SignedInUser(answer.json()["id"], credentials["email"])
        assert TokenVerifier(keys.public).verify(token) == user, "any service can verify it"


async def test_without_a_cookie_no_user_is_signed_in(browser: httpx.AsyncClient) -> None:
    assert await who_is_signed_in(browser) is None


async def test_the_cookie_keeps_a_user_signed_in_until_signing_out(
    browser: httpx.AsyncClient, signed_up: httpx.Response
) -> None:
    assert await who_is_signed_in(browser) == signed_up.json()
    answer = await browser.post("/api/users/signout")
    assert (answer.status_code, answer.json()) == (200, {"currentUser": None})
    cookie = cookie_in(answer)
    assert (cookie["value"], cookie["max-age"], cookie["path"]) == ("", "0", "/")
    assert await who_is_signed_in(browser) is None
    assert (await browser.post("/api/users/signin", json=CREDENTIALS)).status_code == 200
    assert await who_is_signed_in(browser) == signed_up.json()


async def test_signing_out_twice_or_without_having_signed_in_is_no_error(browser: httpx.AsyncClient) -> None:
    for _ in range(2):
        assert (await browser.post("/api/users/signout")).status_code == 200


async def test_the_value_of_the_cookie_works_as_a_bearer_token(
    running: RunningService, signed_up: httpx.Response
) -> None:
    token = cookie_in(signed_up)["value"]
    assert await who_is_signed_in(running.client(), token) == signed_up.json()
    assert await who_is_signed_in(running.client(), token[:-4] + "AAAA") is None
    assert await who_is_signed_in(running.client(), "garbage") is None


async def test_a_bearer_token_has_precedence_over_the_cookie(
    running: RunningService, browser: httpx.AsyncClient, signed_up: httpx.Response
) -> None:
    another = {**CREDENTIALS, "email": "another@example.com"}
    other = await running.client().post("/api/users/signup", json=another)
    assert await who_is_signed_in(browser, cookie_in(other)["value"]) == other.json()
    assert await who_is_signed_in(browser, "garbage") is None
