"""`python -m auth` serves until it is told to stop."""

import common.lean  # noqa: F401 - for its effect: see there
from auth.main import create_app
from auth.settings import AuthSettings
from common.run import serve
from common.settings import load_settings


def main() -> None:
    settings = load_settings(AuthSettings)
    serve("auth", settings, lambda: create_app(settings))


if __name__ == "__main__":
    main()
