"""Describes the auth service in the object SPEC.

The command-line program `marketplace` and the tests read SPEC, for example to start the service or to check the data in
its database.
"""

from auth.main import create_app
from auth.settings import AuthSettings
from auth.user import User
from common.events.users import UserRegistered
from common.runtime.service_spec import AggregateSpec, ServiceSpec

SPEC = ServiceSpec(
    name="auth",
    summary="Sign up, sign in, sign out; who is signed in.",
    create_app=create_app,
    settings=AuthSettings,
    aggregates=(AggregateSpec("users", User, (UserRegistered,), secrets={"password_hash": ""}),),
    routes=("/api/users",),
    exact_routes=("/api/docs",),
)
