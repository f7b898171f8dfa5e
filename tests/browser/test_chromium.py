"""Which browser the tests use, and what they say if there is none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from browser.chromium import BrowserMissing, find_chromium

_HERE = Path(__file__).parent


def _program(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{version}'\n")
    path.chmod(0o755)
    return path


def test_the_browser_is_found_on_the_path_or_as_an_app_of_macos(tmp_path: Path) -> None:
    chrome = _program(tmp_path / "bin" / "google-chrome", "Google Chrome 140")
    app = _program(tmp_path / "Chromium.app" / "Chromium", "Chromium 140")
    assert find_chromium("", str(chrome.parent), [app]) == chrome
    assert find_chromium("", str(tmp_path), [tmp_path / "Other.app", app]) == app


def test_browser_names_a_program_by_its_path_or_its_name(tmp_path: Path) -> None:
    _program(tmp_path / "chromium", "Chromium 140")
    other = _program(tmp_path / "chrome-beta", "Google Chrome 141 beta")
    assert find_chromium(str(other), str(tmp_path), []) == other
    assert find_chromium(other.name, str(tmp_path), []) == other


def test_no_browser_is_an_error_that_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(BrowserMissing, match=r"need Chromium or Chrome: install it .*apt install chromium"):
        find_chromium("", str(tmp_path), [tmp_path / "Chromium.app"])


def test_another_program_than_chromium_is_refused(tmp_path: Path) -> None:
    other = _program(tmp_path / "firefox", "Mozilla Firefox 140")
    with pytest.raises(BrowserMissing, match="BROWSER=firefox is not Chromium or Chrome: set BROWSER"):
        find_chromium("firefox", str(tmp_path), [])
    other.write_text("no program")
    with pytest.raises(BrowserMissing, match="BROWSER=firefox is not Chromium or Chrome: set BROWSER"):
        find_chromium("firefox", str(tmp_path), [])


def test_the_tests_do_not_start_without_a_browser_and_say_so_in_one_line() -> None:
    ended = subprocess.run(  # noqa: S603 - pytest itself
        [sys.executable, "-m", "pytest", "-n", "2", str(_HERE)],
        env={**os.environ, "BROWSER": "nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    line = "ERROR: BROWSER=nowhere is not a program of this machine: set BROWSER to Chromium or Chrome, or unset it."
    assert (ended.stdout + ended.stderr).strip() == line
