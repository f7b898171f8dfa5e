"""`python -m storefront` runs the storefront service until the process is stopped."""

from common.runtime.serve import serve
from common.runtime.settings import load_settings
from storefront.main import create_app
from storefront.settings import StorefrontSettings


def main() -> None:
    settings = load_settings(StorefrontSettings)
    serve("storefront", settings, lambda: create_app(settings))


if __name__ == "__main__":
    main()
