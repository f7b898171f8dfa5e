import stat
from pathlib import Path

import jwt
import pytest

from marketplace.errors import PlatformError
from marketplace.keys import load_or_create_keys


def test_the_keys_are_made_once_and_only_the_owner_can_read_them(tmp_path: Path) -> None:
    keys = load_or_create_keys(tmp_path / "keys")
    assert load_or_create_keys(tmp_path / "keys") == keys
    (file,) = (tmp_path / "keys").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_public_key_verifies_what_the_private_key_signs(tmp_path: Path) -> None:
    keys = load_or_create_keys(tmp_path)
    token = jwt.encode({"sub": "somebody"}, keys.private, algorithm="EdDSA")
    assert jwt.decode(token, keys.public, algorithms=["EdDSA"]) == {"sub": "somebody"}


def test_the_private_key_does_not_show_in_a_log(tmp_path: Path) -> None:
    assert "PRIVATE" not in repr(load_or_create_keys(tmp_path))


def test_a_file_without_a_key_is_named_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "token-private-key.pem"
    file.write_text("not a key")
    with pytest.raises(PlatformError, match=r"token-private-key.pem does not contain an Ed25519 key. Delete the file"):
        load_or_create_keys(tmp_path)
    assert file.read_text() == "not a key"
