"""The images that others build have a version, so that a restarted pod runs what was tested."""

import re

from kubernetes.rendering import Objects


def test_every_image_that_is_not_ours_has_a_fixed_version(rendered: Objects) -> None:
    for name, pod in rendered.pods():
        for container in pod["spec"]["containers"]:
            image = container["image"]
            if "ticket-marketplace/" not in image:
                assert re.search(r":v?\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?$", image), f"{name}: {image}"
