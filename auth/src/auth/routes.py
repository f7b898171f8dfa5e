"""HTTP in: parse, one call of a use case, answer."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response, status

from auth.schemas import Credentials, CurrentUserOut, UserOut
from auth.service import AuthService
from auth.user import EmailTaken, User, WrongCredentials
from common.domain.errors import NotSignedIn
from common.domain.ids import UserId
from common.http.application import CHANGES
from common.http.authentication import COOKIE, TOKEN_LIFETIME, SignedInUser, TokenSigner, TokenVerifier, session_token
from common.http.problems import problems

router = APIRouter(prefix="/api/users", tags=["users"])


async def _service(request: Request) -> AuthService:  # async: see common.http.authentication
    service: AuthService = request.app.state.auth
    return service


Auth = Annotated[AuthService, Depends(_service)]


@router.post(
    "/signup",
    summary="Sign up, and be signed in",
    status_code=status.HTTP_201_CREATED,
    responses=problems(EmailTaken),
    dependencies=[CHANGES],
)
async def sign_up(credentials: Credentials, auth: Auth, request: Request, response: Response) -> UserOut:
    user = await auth.sign_up(email=credentials.email, password=credentials.password.get_secret_value())
    return _signed_in(user, request, response)


@router.post("/signin", summary="Sign in", responses=problems(WrongCredentials))
async def sign_in(credentials: Credentials, auth: Auth, request: Request, response: Response) -> UserOut:
    user = await auth.sign_in(email=credentials.email, password=credentials.password.get_secret_value())
    return _signed_in(user, request, response)


@router.post("/signout", summary="Sign out")
async def sign_out(response: Response) -> CurrentUserOut:
    response.delete_cookie(COOKIE)
    return CurrentUserOut(current_user=None)


@router.get("/currentuser", summary="Who is signed in; null if nobody is")
async def current_user(request: Request, token: Annotated[str | None, Depends(session_token)]) -> CurrentUserOut:
    verifier: TokenVerifier = request.app.state.token_verifier
    try:
        user = verifier.verify(token or "")
    except NotSignedIn:
        return CurrentUserOut(current_user=None)
    return CurrentUserOut(current_user=UserOut(id=user.id, email=user.email))


def _signed_in(user: User, request: Request, response: Response) -> UserOut:
    signer: TokenSigner = request.app.state.token_signer
    response.set_cookie(
        COOKIE,
        signer.sign(SignedInUser(UserId(user.id), user.email)),
        max_age=int(TOKEN_LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",  # as the gateway says (X-Forwarded-Proto)
    )
    return UserOut(id=UserId(user.id), email=user.email)
