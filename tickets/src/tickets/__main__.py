"""`python -m tickets` runs the tickets service until the process is stopped."""

from common.runtime.serve import serve
from common.runtime.settings import load_settings
from tickets.main import create_app
from tickets.settings import TicketsSettings


def main() -> None:
    settings = load_settings(TicketsSettings)
    serve("tickets", settings, lambda: create_app(settings))


if __name__ == "__main__":
    main()
