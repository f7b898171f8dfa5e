"""The generated files in the repository are up to date."""

from pathlib import Path

import pytest

from marketplace.generated import GENERATED, is_out_of_date, main


@pytest.mark.parametrize("path", GENERATED, ids=str)
def test_generated_files_are_up_to_date(path: Path) -> None:
    assert not is_out_of_date(path), "run `make docs`"


@pytest.mark.parametrize("stale", GENERATED, ids=str)
def test_the_check_fails_if_a_file_is_out_of_date(stale: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(check=True) == 1
    for path in GENERATED:
        path.parent.mkdir(parents=True)
    assert main() == 0
    assert main(check=True) == 0
    stale.write_text(stale.read_text() + " ")
    assert main(check=True) == 1
