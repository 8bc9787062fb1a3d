"""Lines of CSV in a file, and where each begins, so that any page of them is one cut."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain
from pathlib import Path
from typing import BinaryIO

PIECE = 1 << 20
_PLACE = array("Q").itemsize
_STEPS = (3, 97)


def write(target: Path, windows: Iterable[Sequence[bytes]]) -> int:
    """Writes lines, a window of them at a time, and tells their size; the file appears whole."""
    at, places = 0, array("Q")
    unfinished = target.with_suffix(".part")
    with unfinished.open("wb") as file:
        for lines in windows:
            file.write(b"".join(lines))
            places.extend(accumulate(map(len, lines), initial=at))
            at = places.pop()
    places.append(at)
    _places(target).write_bytes(places.tobytes())
    unfinished.replace(target)
    return at


def count(target: Path) -> int:
    """How many lines there are."""
    return _places(target).stat().st_size // _PLACE - 1


def cut(target: Path, start: int, lines: int) -> Iterator[bytes]:
    """The lines from one on, in pieces of a megabyte."""
    with _places(target).open("rb") as file:
        begin, end = (_place(file, each) for each in (start, start + lines))
    with target.open("rb") as file:
        file.seek(begin)
        while piece := file.read(min(PIECE, end - file.tell())):
            yield piece


def mixed(windows: Iterable[Sequence[bytes]], seed: int) -> Iterator[Sequence[bytes]]:
    """The same lines in no order that could be relied on; the same for the same seed."""
    dice = random.Random(seed)
    for lines in windows:
        step = dice.randrange(*_STEPS)
        starts = dice.sample(range(step), step)
        yield list(chain.from_iterable(lines[each::step] for each in starts))


def _place(file: BinaryIO, number: int) -> int:
    file.seek(number * _PLACE)
    return array("Q", file.read(_PLACE))[0]


def _places(target: Path) -> Path:
    return target.with_suffix(".places")
