"""Record ids: 18 characters as the API gives them, 15 as reports, addresses and people write them.

Ids are compared with their case. The last three of 18 say which of the first 15 are capitals.
"""

from __future__ import annotations

_SHORT, _GROUP = 15, 5
_CHECKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def long(id: str) -> str:
    """The id with its three check characters; anything that is not 15 characters stays."""
    if len(id) != _SHORT or not id.isalnum() or not id.isascii():
        return id
    groups = (id[start : start + _GROUP] for start in range(0, _SHORT, _GROUP))
    return id + "".join(_CHECKS[_bits(group)] for group in groups)


def long_sql(column: str) -> str:
    """The same as SQL over a column."""
    checks = " || ".join(
        f"substr('{_CHECKS}', {_bits_sql(column, start)}, 1)"
        for start in range(1, _SHORT + 1, _GROUP)
    )
    is_short = f"regexp_full_match({column}, '[0-9A-Za-z]{{{_SHORT}}}')"
    return f"CASE WHEN {is_short} THEN {column} || {checks} ELSE {column} END"


def _bits(group: str) -> int:
    return sum(1 << place for place, letter in enumerate(group) if "A" <= letter <= "Z")


def _bits_sql(column: str, start: int) -> str:
    """One more than the number that a group's capitals make, for SQL counts from one."""
    capital = "CASE WHEN substr({0}, {1}, 1) BETWEEN 'A' AND 'Z' THEN {2} ELSE 0 END"
    each = (capital.format(column, start + place, 1 << place) for place in range(_GROUP))
    return f"1 + {' + '.join(each)}"
