"""The composition root of the auth service. `create_app` creates all objects of the service and connects them."""

from fastapi import FastAPI

from auth.api_index import api_index
from auth.passwords import Passwords
from auth.repository import UserRepository
from auth.routes import router
from auth.service import AuthService
from auth.settings import AuthSettings
from auth.token_signer import TokenSigner
from common.domain.clock import Clock, utc_now
from common.domain.tokens import TokenVerifier
from common.http.application import create_http_app
from common.http.dependencies import Dependencies
from common.messaging.retry import RetryPolicy
from common.runtime.service_runtime import ServiceRuntime
from common.storage.batching_collection import BatchingCollection


def create_app(settings: AuthSettings, *, clock: Clock = utc_now, policy: RetryPolicy | None = None) -> FastAPI:
    runtime = ServiceRuntime("auth", settings, clock=clock, policy=policy)
    collection = BatchingCollection(runtime.mongo.database["users"], lookup_by=("_id", "email"))
    users = UserRepository(collection, runtime.relay, clock)
    tokens = TokenSigner(settings.token_private_key.get_secret_value(), clock)
    auth = AuthService(users, Passwords(), tokens)

    runtime.before_start(users.create_indexes)
    return create_http_app(
        Dependencies(runtime, auth, TokenVerifier(settings.token_public_key)),
        title="Auth",
        description="Sign up, sign in, sign out; who is signed in.",
        routers=[router, api_index],
    )
