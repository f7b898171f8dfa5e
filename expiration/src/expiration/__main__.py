"""`python -m expiration` runs the expiration service until the process is stopped."""

from common.runtime.serve import serve
from common.runtime.settings import load_settings
from expiration.main import create_app
from expiration.settings import ExpirationSettings


def main() -> None:
    settings = load_settings(ExpirationSettings)
    serve("expiration", settings, lambda: create_app(settings))


if __name__ == "__main__":
    main()
