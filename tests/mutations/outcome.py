"""Running tests in a scratch copy, and what their outcome says about a mutation."""

import asyncio
import re
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree as ET

from mutations.mutation import CannotApply, Mutation
from mutations.scratch import ScratchCopy

_TIME_LIMIT = "from pytest-timeout"
_BROKEN_CODE = ("NameError", "UnboundLocalError", "ImportError", "ModuleNotFoundError")
"""A test that fails with one of these says that the mutation was written badly, and not that a promise was broken."""
_BROKEN_SCRIPT = re.compile("uncaught: (Syntax|Reference)Error")
"""The same of a test in a browser: what its visit says at its end (tests/browser/visit.py)."""
_END_SECONDS = 10


class Verdict(StrEnum):
    KILLED = "killed"
    SURVIVED = "SURVIVED"
    NOT_APPLIED = "CANNOT APPLY"
    OTHER_REASON = "OTHER REASON"
    """Something failed, but not each of the named tests, by itself: an import, a fixture, a time limit."""


@dataclass(frozen=True)
class Outcome:
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class TestRun:
    failed: frozenset[str]
    """Tests that failed by themselves, as pytest node ids with parameters."""
    passed: frozenset[str]
    trouble: str
    """What went wrong outside of the tests; empty if nothing did."""

    def fails(self, test: str) -> bool:
        return any(_is_case_of(test, each) for each in self.failed)

    def ran(self, test: str) -> bool:
        return self.fails(test) or any(_is_case_of(test, each) for each in self.passed)


async def try_mutation(copy: ScratchCopy, mutation: Mutation, *, within_seconds: float) -> Outcome:
    """Apply the mutation, run its tests, and take the change back."""
    try:
        before = mutation.apply(copy.folder)
    except CannotApply as error:
        return Outcome(Verdict.NOT_APPLIED, str(error))
    try:
        run = await run_tests(copy, mutation.tests, within_seconds=within_seconds)
    finally:
        mutation.take_back(copy.folder, before)
    return judge(mutation, run)


def judge(mutation: Mutation, run: TestRun) -> Outcome:
    if all(run.fails(test) for test in mutation.tests):
        return Outcome(Verdict.KILLED)
    if run.trouble:
        return Outcome(Verdict.OTHER_REASON, run.trouble)
    if lost := [test for test in mutation.tests if not run.ran(test)]:
        return Outcome(Verdict.OTHER_REASON, f"did not run: {', '.join(lost)}")
    passed = [test for test in mutation.tests if not run.fails(test)]
    return Outcome(Verdict.SURVIVED, f"passed: {', '.join(passed)}")


async def run_tests(copy: ScratchCopy, tests: Sequence[str], *, within_seconds: float) -> TestRun:
    """Run these tests in the copy, with the MongoDB driver motor alone: what the drivers share is tried once."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=line", f"--junit-xml={report}"]
        # The plugin imports Hypothesis, which takes longer than most tests; a test that needs it imports it by itself.
        command += ["-p", "no:hypothesispytest", "-p", "no:cacheprovider", "-k", "not pymongo", *tests]
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=copy.folder,
            env=copy.environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal reaches this process alone, which ends the tests below
        )
        try:
            async with asyncio.timeout(within_seconds):
                output, _ = await process.communicate()
        except TimeoutError:
            return TestRun(frozenset(), frozenset(), f"no end within {within_seconds:.0f} s")
        finally:
            await _end(process)
        if not report.is_file():
            return TestRun(frozenset(), frozenset(), _last_line(output))
        return _read(report)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Have pytest stop its servers; if it does not, end it."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(_END_SECONDS):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()


def _read(report: Path) -> TestRun:
    failed, passed, broken, troubles = set(), set(), set(), []
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - written by our own pytest
        test = f"{case.get('classname')}::{case.get('name')}"
        failure, error = case.find("failure"), case.find("error")
        if failure is not None:
            if no_kill := _other_reason(failure):
                troubles.append(f"{test}: {no_kill}")
            else:
                failed.add(test)
        elif error is not None:
            troubles.append(f"{test}: {_message(error)}")
            if _BROKEN_SCRIPT.search(error.get("message") or ""):
                broken.add(test)
        elif case.find("skipped") is None:
            passed.add(test)
    return TestRun(frozenset(failed - broken), frozenset(passed), "; ".join(troubles[:2]))


def _other_reason(failure: ET.Element) -> str:
    message = _message(failure)
    if _TIME_LIMIT in message:
        return "time limit"
    return message if message.startswith(_BROKEN_CODE) else ""


def _message(failure: ET.Element) -> str:
    """Its first line."""
    return (failure.get("message") or "failed").splitlines()[0][:200]


def _is_case_of(test: str, reported: str) -> bool:
    """Whether the report's `folder.test_file::test_name[parameters]` is this node id, or one of its cases."""
    path, _, name = test.partition("::")
    wanted = f"{path.removesuffix('.py').replace('/', '.')}::{name.replace('::', '.')}"
    return reported == wanted or reported.startswith(f"{wanted}[")


def _last_line(output: bytes) -> str:
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "pytest said nothing"
