"""Record ids: 15 characters that count upwards, and 3 that make them safe to compare."""

from __future__ import annotations

import string
from collections.abc import Iterator
from functools import lru_cache

#: In ASCII order, so that ids sort by creation.
DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
CHECKS = string.ascii_uppercase + "012345"
#: The part between prefix and number; the same for every record of an org.
POD = "Sb0"
WIDTH = 9


def checksum(short: str) -> str:
    """The three letters that tell the case of the fifteen before them."""
    return "".join(_check(short[start : start + 5]) for start in (0, 5, 10))


@lru_cache(maxsize=4096)
def _check(group: str) -> str:
    return CHECKS[sum(1 << place for place, char in enumerate(group) if "A" <= char <= "Z")]


def long_id(text: str) -> str:
    """Makes an 18-character id of a 15-character one; anything else stays as it is."""
    return text + checksum(text) if len(text) == 15 else text


def is_id(text: object) -> bool:
    """Whether a text has the form of an id, checksum included."""
    if not isinstance(text, str) or len(text) not in (15, 18) or not text.isalnum():
        return False
    return text.isascii() and (len(text) == 15 or text[15:] == checksum(text[:15]))


def numbered(prefix: str, number: int) -> str:
    """The id of the record with this number."""
    high, last = divmod(number, len(DIGITS))
    stem, checks = _stem(prefix, high)
    short = stem + DIGITS[last]
    return short + checks + _check(short[10:])


@lru_cache(maxsize=4096)
def _stem(prefix: str, high: int) -> tuple[str, str]:
    """The fourteen characters that neighbours share, and the checks of their first ten."""
    digits = []
    for _ in range(WIDTH - 1):
        high, rest = divmod(high, len(DIGITS))
        digits.append(DIGITS[rest])
    stem = prefix + POD + "".join(reversed(digits))
    return stem, _check(stem[:5]) + _check(stem[5:10])


def counting(prefix: str, start: int) -> Iterator[str]:
    """Ids one after the other, without end."""
    while True:
        yield numbered(prefix, start)
        start += 1
