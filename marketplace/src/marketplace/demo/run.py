"""The demo's one way in: its exit code is 0 when the whole story happened."""

from rich.console import Console

from marketplace.demo.failures import NoPlatform, StepFailed
from marketplace.demo.platform import Patience, Platform
from marketplace.demo.stage import Stage
from marketplace.demo.story import Story

_INTERRUPTED = 130
"""What a shell expects after Ctrl-C."""


def run_demo(gateway: str, *, console: Console | None = None, patience: Patience | None = None) -> int:
    """Play the story against the platform behind `gateway` (http://127.0.0.1:8080).

    1: a step did not happen, or no platform answers; it says which, what was expected and what was seen.
    """
    stage = Stage(console or Console())
    try:
        with Platform(gateway, patience=patience or Patience(), notice=stage.notice) as platform:
            with stage.looking_for(platform.gateway):
                platform.wait_for_gateway()
            Story(stage, platform).play()
    except NoPlatform as nobody:
        stage.refused(str(nobody))
        return 1
    except StepFailed as failure:
        stage.failed(failure)
        return 1
    except KeyboardInterrupt:
        stage.refused("stopped")
        return _INTERRUPTED
    return 0
