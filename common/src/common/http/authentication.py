"""Finds out which user sent a request.

The request contains the session token of the user in a cookie or as a bearer token.
"""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from common.domain.errors import NotSignedIn
from common.domain.tokens import SignedInUser
from common.http.dependencies import dependencies_of

COOKIE = "session"

_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="Set by signing in.")
_bearer = HTTPBearer(auto_error=False, description="The value of the session cookie also works as a bearer token.")


async def _session_token(
    cookie: Annotated[str | None, Depends(_cookie)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> str | None:
    return bearer.credentials if bearer else cookie


async def _signed_in_user(request: Request, token: Annotated[str | None, Depends(_session_token)]) -> SignedInUser:
    if not token:
        raise NotSignedIn("Sign in first.")
    return _verified(request, token)


async def _user_if_signed_in(
    request: Request, token: Annotated[str | None, Depends(_session_token)]
) -> SignedInUser | None:
    try:
        return _verified(request, token or "")
    except NotSignedIn:
        return None


async def user_of(request: Request) -> SignedInUser | None:
    """Return the user who sent the request. Return None if the request has no valid token.

    A route or a dependency does not need this function, because it can have a parameter of the type CurrentUser or
    UserIfSignedIn. Other code (for example IdempotentRoute) does not get its parameters from FastAPI, so it calls this
    function.
    """
    token = await _session_token(await _cookie(request), await _bearer(request))
    return await _user_if_signed_in(request, token)


def _verified(request: Request, token: str) -> SignedInUser:
    verifier = dependencies_of(request).token_verifier
    assert verifier is not None  # noqa: S101 - it is None only if the service's main.py has a mistake
    return verifier.verify(token)


CurrentUser = Annotated[SignedInUser, Depends(_signed_in_user)]
"""The type of a route's parameter that receives the signed-in user.

If the request has no valid token, the route is not called and the answer is 401.
"""

UserIfSignedIn = Annotated[SignedInUser | None, Depends(_user_if_signed_in)]
"""The type of a route's parameter that receives the signed-in user, or None if the request has no valid token."""
