"""A mutation, and how it is applied to a copy of the repository."""

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_SOURCES = {"tools": "infra/k8s"}
"""Where a package lies, if it is not `<package>/src`."""


class CannotApply(Exception):
    """The code that the mutation changes is not there, not there once, or no valid Python after the change."""


def tests_in(path: str, *names: str) -> tuple[str, ...]:
    """The pytest node ids of tests in one file. A name may end with one case's parameters: `test_name[case]`."""
    return tuple(f"{path}::{name}" for name in names)


@dataclass(frozen=True)
class Mutation:
    """One protection less.

    `where` is `module:qualified.name` for Python, and the path in the repository for any other file. `old` stands there
    exactly once; any whitespace in it matches any other, so reformatting the code does not matter. `new` takes its
    place; the lines after its first are indented like the line in which `old` begins.
    """

    name: str
    """Short and unique, for `ONLY=`."""
    promise: str
    """What the protection guarantees, in one sentence: a row of docs/mutations.md."""
    where: str
    old: str
    new: str
    tests: tuple[str, ...]
    """Made by `tests_in`. Each of them must fail; of a test with parameters, at least one case."""
    slow: bool = False
    """It takes more than about 6 s, the start of pytest included, so it is not part of the daily sample."""

    @property
    def path(self) -> Path:
        """The changed file, from the root of the repository."""
        module, is_symbol, _ = self.where.partition(":")
        if not is_symbol:
            return Path(self.where)
        package = module.partition(".")[0]
        path = Path(_SOURCES.get(package, f"{package}/src"), *module.split("."))
        return path.with_suffix(".py") if package != module else path / "__init__.py"

    def symbol_in(self, text: str) -> str:
        """The part of the file that may be changed. Raises CannotApply if it is not there."""
        start, end = self._span(text)
        return text[start:end]

    def change(self, text: str) -> str:
        """The file's text with the protection removed. Raises CannotApply."""
        start, end = self._span(text)
        found = [match.span() for match in re.finditer(_pattern(self.old), text[start:end])]
        if len(found) != 1:
            raise CannotApply(f"{self.where} has the text to replace {len(found)} times, not once")
        first, last = (start + offset for offset in found[0])
        changed = text[:first] + _indented_as(text[:first], self.new) + text[last:]
        if self.path.suffix == ".py":
            try:
                ast.parse(changed)
            except SyntaxError as error:
                raise CannotApply(f"{self.where} is no valid Python after the change: {error}") from None
        return changed

    def apply(self, copy: Path) -> str:
        """Change the file in a copy of the repository; return its text before that. Raises CannotApply."""
        path = copy / self.path
        if not path.is_file():
            raise CannotApply(f"there is no file {self.path}")
        before = path.read_text(encoding="utf-8")
        path.write_text(self.change(before), encoding="utf-8")
        return before

    def take_back(self, copy: Path, before: str) -> None:
        (copy / self.path).write_text(before, encoding="utf-8")

    def _span(self, text: str) -> tuple[int, int]:
        _, is_symbol, qualified_name = self.where.partition(":")
        if not is_symbol:
            return 0, len(text)
        node: ast.AST = _parsed(text)
        for name in qualified_name.split("."):
            found = next((child for child in ast.iter_child_nodes(node) if name in _names_of(child)), None)
            if found is None:
                raise CannotApply(f"{self.path} has no {qualified_name}")
            node = found
        lines = text.splitlines(keepends=True)
        decorators: list[ast.expr] = getattr(node, "decorator_list", [])
        first = min(each.lineno for each in (node, *decorators))  # type: ignore[attr-defined] # statements have lines
        last: int = node.end_lineno  # type: ignore[attr-defined] # as above
        return sum(map(len, lines[: first - 1])), sum(map(len, lines[:last]))


@lru_cache(maxsize=16)
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


def _names_of(node: ast.AST) -> Iterator[str]:
    """The names that a statement defines."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Assign():
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def _pattern(old: str) -> str:
    return r"\s+".join(map(re.escape, old.split()))


def _indented_as(before: str, new: str) -> str:
    """`new`, with its lines after the first indented like the line that it begins in."""
    line = before.rpartition("\n")[2]
    indentation = line[: len(line) - len(line.lstrip())]
    return textwrap.indent(textwrap.dedent(new).strip(), indentation).removeprefix(indentation)
