"""Which files a path names, what each is, and what it holds: its hash, its lines, its encoding."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import ConnectorError

Format = Literal["csv", "tsv", "json", "jsonl", "parquet", "xlsx"]
#: What a file is by the end of its name.
SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
}
CHUNK = 1 << 20
#: So many lines with other than ASCII tell how a file is encoded.
ENOUGH = 10_000
_PATTERN = frozenset("*?[")
#: Files that others are still writing, or hold open.
_UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart")
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Text:
    """What a text file is like: its encoding, its lines, and whether all of it is so encoded."""

    encoding: str
    lines: int
    sound: bool


def is_one(path: Path) -> bool:
    """Whether a path names one file, and neither a folder nor a pattern."""
    return not path.is_dir() and (path.exists() or not _PATTERN & set(str(path)))


def files(path: Path, *, only: bool) -> list[Path]:
    """The files a path names, by name: itself, those of a folder, or those that fit a pattern.

    `only` those with a name that says what they are. Hidden files and unfinished ones are none.
    """
    if is_one(path):
        return [path]
    named = path.iterdir() if path.is_dir() else _fitting(path)
    return sorted(
        each
        for each in named
        if each.is_file()
        and not each.name.startswith((".", "~$"))
        and not each.name.endswith(_UNFINISHED)
        and (each.suffix.lower() in SUFFIXES or not only)
    )


def _fitting(pattern: Path) -> Iterator[Path]:
    parts = pattern.parts
    fixed = next(n for n, part in enumerate(parts) if _PATTERN & set(part))
    return Path(*parts[:fixed]).glob(str(Path(*parts[fixed:])))


def format_of(path: Path) -> Format:
    """What a file is by its name."""
    if path.suffix.lower() in SUFFIXES:
        return SUFFIXES[path.suffix.lower()]
    raise ConnectorError(
        f"The name of {path.name} does not say what it is.",
        hint=f"Set `format` to one of {', '.join(sorted(set(SUFFIXES.values())))}.",
    )


def digest(path: Path) -> str:
    """A hash of what is in a file."""
    found = hashlib.sha256()
    for part in _parts(path):
        found.update(part)
    return found.hexdigest()


def text(path: Path, encoding: str | None) -> Text:
    """Look through a text file. Without `encoding` it is told by the bytes.

    A mark at the beginning decides, else what is UTF-8 throughout is UTF-8. What is not is
    cp1252, as German spreadsheets write it, unless most lines with other than ASCII are UTF-8:
    then it is that, and some of its lines are broken.
    """
    start = next(_parts(path), b"")[:2]
    if encoding is None and start in _WIDE:
        encoding = "utf-16"
    sound, lines = _read_through(path, encoding or "utf-8")
    if encoding is None and not sound:
        encoding = _guess(path)
        sound, lines = _read_through(path, encoding)
    return Text(encoding or "utf-8", lines, sound)


def _read_through(path: Path, encoding: str) -> tuple[bool, int]:
    """Whether all of a file is in an encoding, and how many lines it has."""
    decoder = codecs.getincrementaldecoder(encoding)()
    sound, lines, last = True, 0, b"\n"
    try:
        for part in _parts(path):
            lines, last = lines + part.count(b"\n"), part[-1:]
            if sound and not (
                part.isascii() and encoding != "utf-16" and not decoder.getstate()[0]
            ):
                sound = _decodes(decoder, part)
        if sound:
            sound = _decodes(decoder, b"", final=True)
    except OSError as error:
        raise unreadable(path, error) from error
    return sound, lines + (last != b"\n")


def _decodes(decoder: codecs.IncrementalDecoder, part: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(part, final)
    except UnicodeDecodeError:
        return False
    return True


def _guess(path: Path) -> str:
    """UTF-8 with broken lines, or cp1252: what the lines that tell the two apart say."""
    for_it = against = 0
    with path.open("rb") as file:
        for line in file:
            if not line.isascii():
                is_utf8 = _is_utf8(line)
                for_it, against = for_it + is_utf8, against + (not is_utf8)
                if for_it + against >= ENOUGH:
                    break
    return "utf-8" if for_it >= against else "cp1252"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _parts(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while part := file.read(CHUNK):
                yield part
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> ConnectorError:
    """What to say of a file that cannot be opened."""
    return ConnectorError(
        f"The file {path} cannot be read: {error.strerror}.",
        hint="Check `path` in the configuration; it is relative to that file.",
    )
