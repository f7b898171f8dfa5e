"""One platform at a time can use a folder, and no longer than it runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from marketplace.data_dir import DataDir
from marketplace.errors import PlatformError

_ANOTHER_PLATFORM = """
import sys
from pathlib import Path
from marketplace.data_dir import DataDir
folder = DataDir(Path(sys.argv[1]))
folder.open()
print("open", flush=True)
sys.stdin.read()
"""


def test_a_second_platform_cannot_open_the_folder_of_the_first(tmp_path: Path) -> None:
    first, second = DataDir(tmp_path), DataDir(tmp_path)
    first.open()
    with pytest.raises(PlatformError, match=rf"Another platform \(process {os.getpid()}\) uses .*DATA_DIR"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_a_platform_that_was_killed_does_not_keep_its_folder(tmp_path: Path) -> None:
    with subprocess.Popen(  # noqa: S603 - the program above
        [sys.executable, "-c", _ANOTHER_PLATFORM, str(tmp_path)], stdin=-1, stdout=-1, text=True
    ) as another:
        assert another.stdout is not None
        assert another.stdout.readline() == "open\n"
        ours = DataDir(tmp_path)
        with pytest.raises(PlatformError, match=f"process {another.pid}"):
            ours.open()
        another.kill()
        another.wait()
    ours.open()
    ours.close()
