"""A command's name is its only argument; everything else comes from the environment, as `make` passes it on."""

import sys

from marketplace.errors import PlatformError
from tools.credentials import Conflict
from tools.images import build
from tools.kind import create_cluster
from tools.program import Stopped
from tools.rollout import deploy, restart, undeploy
from tools.secrets_of_cluster import make_secrets
from tools.settings import IMAGES, Settings

COMMANDS = {
    "cluster": create_cluster,
    "images": lambda settings: build(settings, IMAGES),
    "secrets": make_secrets,
    "deploy": deploy,
    "restart": restart,
    "undeploy": undeploy,
}


def main() -> int:
    command = COMMANDS[sys.argv[1]]
    try:
        command(Settings.from_environment())
    except (Stopped, Conflict, PlatformError) as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
