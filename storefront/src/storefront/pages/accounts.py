"""The pages to sign in and to sign up. The browser sends the form to the API of the auth service."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from storefront.pages.visit import CurrentVisit

router = APIRouter()

Next = Annotated[str, Query(alias="next")]


@router.get("/signin")
async def show_sign_in(visit: CurrentVisit, goes_to: Next = "/") -> HTMLResponse:
    return visit.page("signin.html", goes_to=_own_path(goes_to))


@router.get("/signup")
async def show_sign_up(visit: CurrentVisit, goes_to: Next = "/") -> HTMLResponse:
    return visit.page("signup.html", goes_to=_own_path(goes_to))


def _own_path(path: str) -> str:
    """Return the path if it is one of this site. Otherwise a link could send a person to another site."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_own else "/"
