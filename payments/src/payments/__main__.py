"""`python -m payments` serves until it is told to stop."""

import common.lean  # noqa: F401 - for its effect: see there
from common.run import serve
from common.settings import load_settings
from payments.main import create_app
from payments.settings import PaymentsSettings


def main() -> None:
    settings = load_settings(PaymentsSettings)
    serve("payments", settings, lambda: create_app(settings))


if __name__ == "__main__":
    main()
