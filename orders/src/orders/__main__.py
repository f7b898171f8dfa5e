"""`python -m orders` runs the orders service until the process is stopped."""

from common.runtime.serve import serve
from common.runtime.settings import load_settings
from orders.main import create_app
from orders.settings import OrdersSettings


def main() -> None:
    settings = load_settings(OrdersSettings)
    serve("orders", settings, lambda: create_app(settings))


if __name__ == "__main__":
    main()
