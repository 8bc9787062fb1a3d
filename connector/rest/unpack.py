"""Archives: taken apart piece by piece, and never into more than they may hold."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from ..errors import Malformed

PIECE = 1 << 20
#: Members of one archive.
MEMBERS = 100
#: What a file may grow to when it is unpacked, by its packed size: text packs to a tenth or so.
RATIO, FLOOR = 200, 50_000_000


def members(archive: Path, into: Path, *, most: int = 4_000_000_000) -> Iterator[Path]:
    """The files of a zip, unpacked under names of our own; raises Malformed for a bomb."""
    try:
        with zipfile.ZipFile(archive) as opened:
            inside = [each for each in opened.infolist() if not each.is_dir()]
            if len(inside) > MEMBERS:
                raise Malformed(f"An archive has {len(inside)} members; {MEMBERS} are expected.")
            for number, each in enumerate(inside):
                path = into / f"{archive.stem}-{number:03}"
                _unpack(opened, each, path, min(most, max(FLOOR, each.compress_size * RATIO)))
                yield path
    except zipfile.BadZipFile as error:
        raise Malformed("A file that should be a zip archive is none, or was cut off.") from error


def copied(member: Path, out: Any, given: Mapping[str, str]) -> int:
    """Copy the records of a file, one a line, with what is given for all of them; how many they
    are. Empty objects fill a file, and are none."""
    extra, rows = orjson.dumps(given)[:-1] + (b"," if given else b""), 0
    with member.open("rb") as lines:
        for line in lines:
            record = line.strip()
            if record in (b"", b"{}"):
                continue
            if not (record.startswith(b"{") and record.endswith(b"}")):
                raise Malformed("An export has a line that is no record.", hint="Run again.")
            out.write(extra + record[1:] + b"\n")
            rows += 1
    return rows


def _unpack(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, most: int) -> None:
    size = 0
    with opened.open(member) as source, path.open("wb") as out:
        while piece := source.read(PIECE):
            size += len(piece)
            if size > most:
                raise Malformed(
                    "An archive unpacks to far more than it could honestly hold.",
                    hint="It was not kept. Is the source what it says it is?",
                )
            out.write(piece)
