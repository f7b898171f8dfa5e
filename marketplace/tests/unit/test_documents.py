"""The links, tests and settings in the documents exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketplace.ports import port_of
from marketplace.settings import PlatformSettings

REPOSITORY = Path(__file__).parents[3]
DOCUMENTS = sorted(
    path
    for path in REPOSITORY.rglob("*.md")
    if not any(part.startswith(".") for part in path.relative_to(REPOSITORY).parts)
)
EVERY_DOCUMENT = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))


def prose(document: Path) -> str:
    """The text without its fenced blocks, in which neither a link nor a heading is one."""
    return re.sub(r"^( *)```.*?^\1```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def links(document: Path) -> list[str]:
    without_code = re.sub(r"`[^`\n]*`", "", prose(document))
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", without_code) if not re.match(r"[a-z]+:", target)]


def anchors(document: Path) -> Iterator[str]:
    """Of its headings, as GitHub makes them: lower case, hyphens for spaces, no other signs; the second one gets -1."""
    seen: dict[str, int] = {}
    for heading in re.findall(r"^#+ +(.+?) *$", prose(document), flags=re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        yield f"{slug}-{seen[slug]}" if slug in seen else slug
        seen[slug] = seen.get(slug, 0) + 1


def leads_somewhere(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    if not target.exists() or not target.is_relative_to(REPOSITORY):
        return False
    return not anchor or (target.suffix == ".md" and anchor in anchors(target))


@EVERY_DOCUMENT
def test_every_link_leads_to_a_file_and_a_heading_that_exist(document: Path) -> None:
    assert [link for link in links(document) if not leads_somewhere(document, link)] == []


@EVERY_DOCUMENT
def test_every_test_that_a_document_names_exists(document: Path) -> None:
    sources = [path for pattern in ("tests/**/*.py", "*/tests/**/*.py") for path in REPOSITORY.glob(pattern)]
    existing = {path.stem for path in sources}
    for path in sources:
        existing |= set(re.findall(r"def (test_\w+)\(", path.read_text(encoding="utf-8")))
    assert set(re.findall(r"\btest_\w+", document.read_text(encoding="utf-8"))) - existing == set()


def test_the_settings_in_the_readme_are_those_of_the_platform_with_their_defaults() -> None:
    _, _, section = prose(REPOSITORY / "README.md").partition("\n## Settings\n")
    table = section.partition("\n## ")[0]
    rows = re.findall(r"^\| `([A-Z_]+)` \| `?(.+?)`? \|", table, flags=re.MULTILINE)
    fields = PlatformSettings.model_fields
    defaults = {name.upper(): "none" if field.default is None else str(field.default) for name, field in fields.items()}
    assert dict(rows) == defaults
    assert len(rows) == len(defaults)


def test_the_ports_in_the_readme_are_those_of_the_platform() -> None:
    stated = dict(re.findall(r"`([a-z ]+)` (\d{4})\b", prose(REPOSITORY / "README.md").replace("\n", " ")))
    assert {"gateway", "orders", "nats", "mongod"} <= stated.keys()
    assert {name: int(port) for name, port in stated.items()} == {
        name: port_of(name, PlatformSettings.model_fields["gateway_port"].default) for name in stated
    }
