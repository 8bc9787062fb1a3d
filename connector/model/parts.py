"""Answers in parts: a system may keep the score, the words and whose they are in records apart.

A record of `responses` that names a whole (`part_of`) and no metric is a part: no answer by itself,
but it says more of the answers of its whole. The whole may also be the invitation that an answer
came by (`invitation`), or that nobody has answered yet.
"""

from __future__ import annotations

from collections.abc import Mapping

from .stage import Stage

#: What a part may say; an answer's own word comes first.
SAID = ("comment", "account_key", "contact_key", "company", "email")
#: What names the whole in the records of a stream, the nearest first.
WHOLES: Mapping[str, tuple[str, ...]] = {
    "responses": ("part_of", "invitation"),
    "invitations": ("id",),
}
_IS_PART = "r.part_of IS NOT NULL AND r.metric IS NULL"
#: What is left of the stream without its parts.
WHOLE = f"NOT ({_IS_PART})"


def stage(rules: str) -> Stage:
    """`parts`: what the parts of a whole say; of several that say the same thing the first one.

    `rules` is which records are seen.
    """
    first = ", ".join(
        f"arg_min({name}, CASE WHEN {name} IS NOT NULL THEN id END) AS {name}" for name in SAID
    )
    return Stage(
        "parts",
        f"SELECT source, part_of, {first} FROM lake_responses AS r WHERE {_IS_PART} AND {rules}"
        " GROUP BY source, part_of",
    )


def joined(stream: str) -> str:
    """The parts of the records `r` of a stream."""
    return "".join(
        f" LEFT JOIN parts AS {_alias(whole)} ON {_alias(whole)}.part_of = r.{whole}"
        f" AND {_alias(whole)}.source IS NOT DISTINCT FROM r.source"
        for whole in WHOLES.get(stream, ())
    )


def told(stream: str, columns: Mapping[str, str]) -> dict[str, str]:
    """SQL for what a record and its parts say, for those columns that parts may fill."""
    wholes = WHOLES.get(stream, ())
    return {
        name: f"coalesce({', '.join(f'{of}.{name}' for of in ('r', *map(_alias, wholes)))})"
        for name in SAID
        if wholes and name in columns
    }


def _alias(whole: str) -> str:
    return f"by_{whole}"
