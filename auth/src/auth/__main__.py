"""`python -m auth` runs the auth service until the process is stopped."""

from auth.main import create_app
from auth.settings import AuthSettings
from common.runtime.serve import serve
from common.runtime.settings import load_settings


def main() -> None:
    settings = load_settings(AuthSettings)
    serve("auth", settings, lambda: create_app(settings))


if __name__ == "__main__":
    main()
