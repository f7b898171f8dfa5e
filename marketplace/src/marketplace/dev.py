"""`marketplace dev`: restarts each service when its code changes."""

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path

from watchfiles import awatch

from marketplace.errors import PlatformError
from marketplace.platform import Platform
from marketplace.registry import SERVICE_NAMES

_SHARED = "common"


async def restart_on_change(platform: Platform) -> None:
    """Restart each service whose code changes. This function runs until it is cancelled.

    A change of any file in the package of a service restarts the service, even if the file contains no Python code. A
    change in the package `common` restarts all services, because all of them use it. Caches and the temporary files of
    editors restart nothing, because watchfiles ignores them by default.
    """
    folders = {package: _folder(package) for package in (_SHARED, *SERVICE_NAMES)}
    async for changes in awatch(*folders.values()):
        for service, file in services_to_restart((Path(path) for _, path in changes), folders).items():
            await platform.restart(service, f"{file} changed")


def services_to_restart(changed: Iterable[Path], folders: Mapping[str, Path]) -> dict[str, Path]:
    """Return the services to restart. The result maps each of them to a changed file that it uses.

    A service uses the files in its own package and in the package `common`. If several of them have changed, the result
    contains the first path in alphabetical order. The path begins with the name of the package, for example
    `common/ids.py` or `orders/routes.py`. `folders` maps the name of each package to its folder.
    """
    services: dict[str, Path] = {}
    for path in sorted(changed):
        for package, folder in folders.items():
            if path.is_relative_to(folder):
                for service in SERVICE_NAMES if package == _SHARED else (package,):
                    services.setdefault(service, package / path.relative_to(folder))
    return services


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise PlatformError(f"The package {package} is not installed. Run `make install`.")
    return Path(spec.origin).parent.resolve()
