"""Archives: whole, bounded, and downloaded piece by piece."""

from __future__ import annotations

import io
import zipfile

import pytest

from connector.errors import Malformed
from connector.rest import unpack
from tests.conftest import Answer


def packed(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return out.getvalue()


def test_members_get_names_of_our_own(tmp_path):
    """A name that leads elsewhere is never used."""
    (tmp_path / "a.zip").write_bytes(packed(**{"../../evil": b"1", "b": b"2"}))
    found = list(unpack.members(tmp_path / "a.zip", tmp_path))
    assert [path.parent for path in found] == [tmp_path, tmp_path]
    assert [path.read_bytes() for path in found] == [b"1", b"2"]


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    """It grows to far more than it could honestly hold."""
    monkeypatch.setattr(unpack, "FLOOR", 100_000)
    (tmp_path / "bomb.zip").write_bytes(packed(zeros=b"\0" * 50_000_000))
    with pytest.raises(Malformed, match="far more"):
        list(unpack.members(tmp_path / "bomb.zip", tmp_path))
    assert (tmp_path / "bomb-000").stat().st_size < 20_000_000


def test_an_archive_of_many_files_is_not_unpacked(tmp_path):
    """An export is one file; a thousand would be a thousand downloads in one."""
    many = {f"f{number}": b"1" for number in range(unpack.MEMBERS + 1)}
    (tmp_path / "many.zip").write_bytes(packed(**many))
    with pytest.raises(Malformed, match="members"):
        next(unpack.members(tmp_path / "many.zip", tmp_path))
    assert not list(tmp_path.glob("many-*"))


def test_an_archive_that_was_cut_off_is_an_error(tmp_path):
    """The end of a zip is where its list of members is."""
    (tmp_path / "cut.zip").write_bytes(packed(a=b"1" * 5_000)[:-30])
    with pytest.raises(Malformed, match="cut off"):
        list(unpack.members(tmp_path / "cut.zip", tmp_path))


def test_a_download_goes_to_a_file_and_not_beyond_its_size(line, tmp_path):
    """Nobody fills our disk."""
    made, _ = line(Answer(body=b"x" * 3_000_000))
    made.save("f", tmp_path / "f")
    assert (tmp_path / "f").stat().st_size == 3_000_000
    made, _ = line(Answer(body=b"x" * 3_000_000))
    with pytest.raises(Malformed, match="more than 1 MB"):
        made.save("f", tmp_path / "f", most=1_000_000)


def test_a_download_that_breaks_off_is_begun_again(line, tmp_path, monkeypatch):
    """A body shorter than promised is not a file."""
    monkeypatch.setattr("connector.http._backoff", lambda state: 0.01)
    made, script = line(Answer(body=b"x" * 1_000, cut=10), Answer(body=b"y" * 1_000))
    made.save("f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == b"y" * 1_000
    assert len(script.requests) == 2
