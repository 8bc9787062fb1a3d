"""Pieces of SQL that many sources are made of."""

from __future__ import annotations

from ..mapping.casts import text
from ..mapping.expressions import identifier


def words(field: str) -> str:
    """A list of texts; what is no list has none."""
    return f"from_json({field}, '[\"VARCHAR\"]')"


def listed(field: str) -> str:
    """Texts that stand in one, behind commas, or in a list."""
    return (
        f"case when {field} like '[%' then {words(field)} "
        f"else string_split_regex(trim({field}), '\\s*,\\s*') end"
    )


def mood(field: str) -> str:
    """A sentiment by whichever words: `Very Positive` is positive."""
    known = ("positive", "negative", "neutral", "mixed")
    cases = " ".join(f"when lower({field}) like '%{each}%' then '{each}'" for each in known)
    return f"case {cases} end"


def each(field: str, name: str) -> str:
    """One field of every object in a list: a list of texts."""
    return f"json_extract_string({field}, '$[*].{name}')"


def both(one: str, other: str) -> str:
    """Two lists as one, each text once, by the alphabet."""
    return f"list_sort(list_distinct(list_concat({one}, {other})))"


def entry(field: str, *names: str) -> str:
    """The `value` of the first object in a list that has one of these as its `name`."""
    told = [
        f"json_extract_string({field}, '$[' || "
        f"(list_position({each(field, 'name')}, {text(name)}) - 1) || '].value')"
        for name in names
        if name
    ]
    return f"coalesce({', '.join(told)})" if told else "null"


def address(field: str) -> str:
    """An e-mail address; what has no @ is none."""
    return f"case when {field} like '%@%' then {field} end"


def first_of(within: str, *names: str) -> str:
    """The first of some fields of a field that is told: `person_properties`, two names."""
    told = ", ".join(f"{within}.{identifier(name)}" for name in names if name)
    return f"coalesce({told})" if told else "null"


def off_scale(score: str, least: float | str = 0, most: float | str = 10) -> dict[str, str]:
    """The rule for scores that cannot be: `score_off_scale`."""
    return {"score_off_scale": f"try_cast({score} as double) not between {least} and {most}"}


def kind(names: tuple[str, ...], *fields: str) -> str:
    """Whether a survey follows an event: one of its names is among `transactional`."""
    listed = ", ".join(text(name) for name in names)
    found = " or ".join(f"{field} in ({listed})" for field in fields)
    return (
        f"case when {found} then 'transactional' else 'relationship' end"
        if names
        else ("'relationship'")
    )
