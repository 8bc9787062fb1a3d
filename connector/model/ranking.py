"""The strongest of many columns, found by comparing them: strength and place in one number each."""

from __future__ import annotations

from collections.abc import Sequence

#: Strengths are multiples of this; what is added tells the place.
PLACES = 1024


def layered(inner: str, layers: Sequence[Sequence[str]]) -> str:
    """A query with more columns, layer by layer, each made from those below."""
    for layer in layers:
        inner = f"SELECT *, {', '.join(layer)} FROM ({inner})"
    return inner


def code(strength: str, place: int) -> str:
    """A strength and the place of its column, counted from 0, in one number."""
    return f"{strength} * {PLACES} + {PLACES - 1 - place}"


def ranks(letter: str, name: str, many: int, most: int) -> list[list[str]]:
    """The greatest of some codes, one layer each: `name1`, … of `letter0`, …"""
    layers = []
    for rank in range(1, most + 1):
        codes = [f"{letter}{i}" for i in range(many)]
        if rank > 1:
            codes = [f"CASE WHEN {c} < {name}{rank - 1} THEN {c} ELSE -1 END" for c in codes]
        layers.append([f"greatest({', '.join(['-1', *codes])}) AS {name}{rank}"])
    return layers


def places(name: str, at: str, most: int) -> list[str]:
    """Where the greatest of some codes stand, counted from 1."""
    return [
        f"CASE WHEN {name}{rank} >= 0 THEN {PLACES} - {name}{rank} % {PLACES} END AS {at}{rank}"
        for rank in range(1, most + 1)
    ]


def pick(place: str, values: Sequence[str]) -> str:
    """The value at a place, counted from 1."""
    cases = " ".join(f"WHEN {i} THEN {value}" for i, value in enumerate(values, 1))
    return f"CASE {place} {cases} END"
