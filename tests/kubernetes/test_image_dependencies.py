"""An image holds what the lock files name, byte for byte."""

import re

from kubernetes.rendering import REPOSITORY

_INSTALLATION = re.compile(r"\bpip\b[^&|;]*\binstall\b[^&|;]*")


def test_an_image_installs_only_what_a_lock_file_pins_with_a_hash() -> None:
    text = (REPOSITORY / "Dockerfile").read_text().replace("\\\n", " ")
    commands = [
        command for line in text.splitlines() if line.startswith("RUN") for command in _INSTALLATION.findall(line)
    ]
    commands = [command for command in commands if "uninstall" not in command]
    assert len(commands) == 2
    for command in commands:
        assert {"--require-hashes", "--only-binary"} <= set(command.split()), command
        assert re.search(r"-r /locks/[\w-]+\.lock", command), command


def test_every_pinned_package_of_an_image_has_a_hash() -> None:
    for lock in ("requirements.lock", "requirements-marketplace.lock"):
        text = (REPOSITORY / lock).read_text().replace("\\\n", " ")
        packages = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        assert packages
        assert [line.split()[0] for line in packages if "--hash=sha256:" not in line] == []
