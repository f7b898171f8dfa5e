"""The composition root of auth: everything it is made of, on one screen."""

from fastapi import FastAPI

from auth.front_page import front_page
from auth.passwords import Passwords
from auth.repository import UserRepository
from auth.routes import router
from auth.service import AuthService
from auth.settings import AuthSettings
from common.domain.clock import Clock, utc_now
from common.http.application import create_http_app
from common.http.authentication import TokenSigner, TokenVerifier
from common.runtime.service_runtime import Service


def create_app(settings: AuthSettings, *, clock: Clock = utc_now) -> FastAPI:
    service = Service("auth", settings, clock=clock)
    repository = UserRepository(service.mongo.database["users"], service.relay, clock)
    auth = AuthService(repository, Passwords())

    service.before_start(repository.create_indexes)
    return create_http_app(
        service,
        title="Auth",
        description="Sign up, sign in, sign out; who is signed in.",
        routers=[router, front_page],
        state={
            "token_verifier": TokenVerifier(settings.token_public_key),
            "auth": auth,
            "token_signer": TokenSigner(settings.token_private_key.get_secret_value(), clock),
        },
    )
