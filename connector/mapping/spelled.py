"""Numbers, dates and flags as people spell them, as SQL over texts.

What can only be meant one way is read. What could be meant two ways (`03/04/2026`, `1.234`) is
NULL, and vague: a setting has to say how it is meant. What means nothing is NULL.
"""

from __future__ import annotations

from ..records import DAY, FLAG, MOMENT, NUMBER
from .casts import text

__all__ = ["in_zone", "is_vague", "proof", "value"]

#: Around the digits: signs of currencies, and what groups digits without ever being a decimal sign.
_AROUND = r"^(?:[€$£]|EUR|USD|GBP|CHF)\s*|\s*(?:[€$£]|EUR|USD|GBP|CHF)$|['’\x{00A0}\x{202F}]"
_SIGN = r"[-+]?"
_GROUP = {",": r"\.", ".": ","}
#: What may be 1234 or 1.234: three digits behind the only separator.
_VAGUE = rf"{_SIGN}[1-9]\d{{0,2}}[.,]\d{{3}}"
#: Behind the day: nothing, or a time of day.
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_DAY_FIRST, _MONTH_FIRST = "%d.%m.%Y", "%m.%d.%Y"
#: Two numbers of which either may be the day; with a year of two digits even that may come first.
_DASHED = r"^\s*\d{1,2}[/-]\d{1,2}[/-]"
_SHORT = rf"{_DASHED}\d{{1,2}}(?:\D|$)"
#: The first and the last day that a spreadsheet's number is taken for; 2026 is a year.
_SERIALS = (18264, 73050)
#: Years written with two digits are of this century up to this one.
_PIVOT = 69


def value(
    said: str,
    kind: str,
    *,
    decimal: str | None = None,
    machine: bool = False,
    dates: str | None = None,
    zone: str = "UTC",
    serial: str = "",
) -> str:
    """A text (the name of a column) as a value of this type.

    `decimal` is the decimal sign, `dates` is `day-first` or `month-first`; None of either: only
    what cannot be meant otherwise. In a `machine`'s file some numbers are written with a point
    whatever the sign; `serial` is the day that a spreadsheet counts days from.
    """
    if kind == NUMBER:
        return _number(said, decimal, machine=machine)
    if kind == DAY:
        return f"CAST({_local(said, dates, serial)} AS DATE)"
    if kind == MOMENT:
        return _moment(said, dates, zone, serial)
    if kind == FLAG:
        return _flag(said)
    return f"TRY_CAST({said} AS {kind})"


def in_zone(local: str, zone: str) -> str:
    """A moment as the wall clock of a zone shows it, as a moment."""
    if zone == "UTC":
        return f"make_timestamptz(epoch_us({local}))"
    return f"timezone({text(zone)}, {local})"


def is_vague(said: str, kind: str, *, decimal: str | None, dates: str | None) -> str:
    """Whether a text could be meant two ways under these settings."""
    if kind == NUMBER and decimal is None:
        return f"coalesce({_matches(_bare(said), _VAGUE)}, false)"
    if kind in (DAY, MOMENT) and dates is None:
        one, two = _part(said, 1), _part(said, 2)
        either = f"{one} <= 12 AND {two} <= 12 AND {one} <> {two}"
        found = f"regexp_matches({said}, {text(_SHORT)}) OR ({either})"
        return f"CASE WHEN {_is_dashed(said)} THEN coalesce({found}, false) ELSE false END"
    return "false"


def proof(said: str, decimal: str) -> str:
    """Whether a text can only be meant with this decimal sign."""
    group = "." if decimal == "," else ","
    some = f"contains({said}, '{decimal}') OR {said} LIKE '%{group}%{group}%'"
    return f"CASE WHEN {some} THEN {_matches(_bare(said), _only(decimal))} ELSE false END"


# ── numbers ───────────────────────────────────────────────────────────────────────────────────


def _number(said: str, decimal: str | None, *, machine: bool) -> str:
    if decimal is None or (decimal == "," and machine):
        vague = f"WHEN {_matches(_bare(said), _VAGUE)} THEN {_comma(said) if decimal else 'NULL'}"
        comma = f"WHEN {_matches(_bare(said), _only(','))} THEN {_comma(said)}"
        some = f"contains({said}, '.') OR contains({said}, ',')"
        return (
            f"CASE WHEN NOT ({some}) THEN {_finite(said)} {vague} {comma} ELSE {_point(said)} END"
        )
    return _point(said) if decimal == "." else _comma(said)


# The engine works out what stands twice in a coalesce for every row, but not what stands in a CASE.


def _point(said: str) -> str:
    """Most numbers are as a machine writes them; only the others are taken apart."""
    number = f"TRY_CAST({said} AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) THEN {number} ELSE {_taken_apart(said, '.')} END"


def _comma(said: str) -> str:
    number = f"TRY_CAST(replace({said}, ',', '.') AS DOUBLE)"
    plain = f"NOT contains({said}, '.') AND isfinite({number})"
    return f"CASE WHEN {plain} THEN {number} ELSE {_taken_apart(said, ',')} END"


def _finite(said: str) -> str:
    number = f"TRY_CAST({said} AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def _taken_apart(said: str, decimal: str) -> str:
    bare, group = _bare(said), "." if decimal == "," else ","
    digits = f"replace(replace({bare}, '{group}', ''), ',', '.')"
    grouped = rf"{_SIGN}[1-9]\d{{0,2}}(?:{_GROUP[decimal]}\d{{3}})+(?:[{decimal}]\d+)?"
    shape = rf"{grouped}|{_SIGN}\d+(?:[{decimal}]\d+)?"
    return f"CASE WHEN {_matches(bare, shape)} THEN TRY_CAST({digits} AS DOUBLE) END"


def _only(decimal: str) -> str:
    """The shapes of numbers in which this sign alone can be the decimal one."""
    group, sign = _GROUP[decimal], f"[{decimal}]"
    shapes = (
        rf"\d+{sign}(?:\d{{1,2}}|\d{{4,}})",
        rf"(?:0|\d{{4,}}){sign}\d+",
        rf"[1-9]\d{{0,2}}(?:{group}\d{{3}})+{sign}\d+",
        rf"[1-9]\d{{0,2}}(?:{group}\d{{3}}){{2,}}",
    )
    return rf"{_SIGN}(?:{'|'.join(shapes)})"


def _bare(said: str) -> str:
    return f"regexp_replace(trim({said}), {text(_AROUND)}, '', 'g')"


def _matches(said: str, shape: str) -> str:
    return f"regexp_full_match({said}, {text(shape)})"


# ── dates ─────────────────────────────────────────────────────────────────────────────────────


def _moment(said: str, dates: str | None, zone: str, serial: str) -> str:
    """A time without a zone is one of `zone`."""
    placed = in_zone(_local(said, dates, serial), zone)
    zoned = r":\d{2}(?:[.,]\d+)?\s*(?:[zZ]|[-+]\d{2}(?::?\d{2})?)\s*$"
    return (
        f"CASE WHEN {_is_iso(said)} AND regexp_matches({said}, {text(zoned)}) "
        f"THEN TRY_CAST({said} AS TIMESTAMPTZ) ELSE {placed} END"
    )


def _local(said: str, dates: str | None, serial: str) -> str:
    """A moment as the wall clock shows it."""
    spelled = f"trim(translate({said}, '/-', '..'))"
    day, month = (
        f"CASE WHEN {_swift(said, first)} NOTNULL THEN {_swift(said, first)} "
        f"ELSE {_formats(spelled, first)} END"
        for first in (_DAY_FIRST, _MONTH_FIRST)
    )
    cases = [f"WHEN {_is_iso(said)} THEN TRY_CAST({said} AS TIMESTAMP)"]
    eight = f"length({said}) = 8 AND regexp_matches({said}, '^\\d{{8}}$')"
    cases += [f"WHEN {eight} THEN try_strptime({said}, '%Y%m%d')"]
    if serial:
        number = f"TRY_CAST({said} AS DOUBLE)"
        first, last = _SERIALS
        cases += [
            f"WHEN {number} BETWEEN {first} AND {last} THEN "
            f"TIMESTAMP {text(serial)} + to_seconds(round({number} * 86400))"
        ]
    if dates is None:
        one, two = _part(said, 1), _part(said, 2)
        # With dots the day comes first, whoever writes it.
        cases += [
            f"WHEN NOT {_is_dashed(said)} THEN {day}",
            f"WHEN regexp_matches({said}, {text(_SHORT)}) THEN NULL",
            f"WHEN {one} > 12 OR {one} = {two} THEN {day}",
            f"WHEN {two} > 12 THEN {month}",
        ]
    else:
        cases += [f"ELSE {day if dates == 'day-first' else month}"]
    return f"CASE {' '.join(cases)} END"


def _swift(said: str, day: str) -> str:
    """Most dates have ten characters and no time."""
    listed = ", ".join(f"'{day.replace('.', sign)}'" for sign in "./-")
    return f"CASE WHEN length({said}) = 10 THEN try_strptime({said}, [{listed}]) END"


def _formats(spelled: str, day: str) -> str:
    listed = ", ".join(f"'{day}{time}'" for time in _TIMES)
    read = f"try_strptime({spelled}, [{listed}])"
    century = f"CASE WHEN year({read}) < {_PIVOT} THEN 2000 ELSE 1900 END"
    return f"CASE WHEN year({read}) < 100 THEN {read} + to_years({century}) ELSE {read} END"


def _is_iso(said: str) -> str:
    return f"substr({said}, 5, 1) IN ('-', '/')"


def _is_dashed(said: str) -> str:
    some = f"(contains({said}, '/') OR contains({said}, '-'))"
    return f"({some} AND regexp_matches({said}, {text(_DASHED)}))"


def _part(said: str, number: int) -> str:
    """The first or second number of a date."""
    return rf"TRY_CAST(regexp_extract({said}, '^\s*(\d{{1,2}})[./-](\d{{1,2}})', {number}) AS INT)"


# ── flags ─────────────────────────────────────────────────────────────────────────────────────


def _flag(said: str) -> str:
    return (
        f"CASE lower(trim({said})) WHEN 'ja' THEN true WHEN 'wahr' THEN true "
        f"WHEN 'nein' THEN false WHEN 'falsch' THEN false ELSE TRY_CAST({said} AS BOOLEAN) END"
    )
