"""Rules about files that no linter has."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
SOURCES = [path for path in REPOSITORY.glob("*/src/**/*.py") if "testing" not in path.parts]


def files_that(pattern: str) -> set[str]:
    found = {path for path in SOURCES if re.search(pattern, path.read_text(encoding="utf-8"))}
    return {str(path.relative_to(REPOSITORY)) for path in found}


def test_only_one_file_acknowledges_refuses_or_terminates_deliveries() -> None:
    assert files_that(r"\.(ack|ack_sync|nak|term)\(") == {"common/src/common/messaging/delivery.py"}


def test_only_the_relay_publishes_events_and_two_files_other_messages() -> None:
    assert files_that(r"publisher\.publish\(") == {"common/src/common/messaging/outbox_relay.py"}
    assert files_that(r"\.publish_raw\(") == {
        "common/src/common/messaging/publisher.py",
        "common/src/common/messaging/dead_letters.py",
        "expiration/src/expiration/timers.py",
    }


def test_a_file_stays_below_250_lines() -> None:
    long = {str(p.relative_to(REPOSITORY)): n for p in SOURCES if (n := len(p.read_text().splitlines())) > 250}
    assert not long


def test_a_test_imports_helpers_only_from_its_own_package_or_from_devkit() -> None:
    """Otherwise pytest could not run the tests of one package alone."""
    elsewhere = {
        f"{path.relative_to(REPOSITORY)}: {package}.tests"
        for folder in [*REPOSITORY.glob("*/tests"), REPOSITORY / "tests"]
        for path in folder.rglob("*.py")
        for package in re.findall(r"^(?:from|import) (\w+)\.tests\b", path.read_text(encoding="utf-8"), re.MULTILINE)
        if package != path.relative_to(REPOSITORY).parts[0]
    }
    assert elsewhere == set()
