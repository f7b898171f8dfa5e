"""`python -m payments` runs the payments service until the process is stopped."""

from common.runtime.serve import serve
from common.runtime.settings import load_settings
from payments.main import create_app
from payments.settings import PaymentsSettings


def main() -> None:
    settings = load_settings(PaymentsSettings)
    serve("payments", settings, lambda: create_app(settings))


if __name__ == "__main__":
    main()
