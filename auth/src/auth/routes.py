"""The HTTP routes of the auth service.

The routes for sign-up and sign-in call a use case. The other routes only read the session token or delete the cookie
that contains the token.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response, status

from auth.schemas import Credentials, CurrentUserOut, UserOut
from auth.service import AuthService, Session
from auth.token_signer import TOKEN_LIFETIME
from auth.user import EmailTaken, WrongCredentials
from common.http.authentication import COOKIE, UserIfSignedIn
from common.http.dependencies import REQUIRES_BROKER, use_cases
from common.http.problems import problems

router = APIRouter(prefix="/api/users", tags=["users"])

Auth = Annotated[AuthService, Depends(use_cases(AuthService))]


@router.post(
    "/signup",
    summary="Sign up; the answer also signs the new user in",
    status_code=status.HTTP_201_CREATED,
    responses=problems(EmailTaken),
    dependencies=[REQUIRES_BROKER],
)
async def sign_up(credentials: Credentials, auth: Auth, request: Request, response: Response) -> UserOut:
    session = await auth.sign_up(email=credentials.email, password=credentials.password.get_secret_value())
    return _answer(session, request, response)


@router.post("/signin", summary="Sign in", responses=problems(WrongCredentials))
async def sign_in(credentials: Credentials, auth: Auth, request: Request, response: Response) -> UserOut:
    session = await auth.sign_in(email=credentials.email, password=credentials.password.get_secret_value())
    return _answer(session, request, response)


@router.post("/signout", summary="Sign out")
async def sign_out(response: Response) -> CurrentUserOut:
    response.delete_cookie(COOKIE)
    return CurrentUserOut(current_user=None)


@router.get("/currentuser", summary="Show which user is signed in; null if nobody is signed in")
async def current_user(user: UserIfSignedIn) -> CurrentUserOut:
    return CurrentUserOut(current_user=UserOut(id=user.id, email=user.email) if user else None)


def _answer(session: Session, request: Request, response: Response) -> UserOut:
    response.set_cookie(
        COOKIE,
        session.token,
        max_age=int(TOKEN_LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        # `scheme` is "https" if the browser uses HTTPS. The browser sends its requests to the gateway, and the gateway
        # forwards them to this service. The gateway tells us the browser's scheme in the header X-Forwarded-Proto.
        secure=request.url.scheme == "https",
    )
    return UserOut(id=session.user.id, email=session.user.email)
