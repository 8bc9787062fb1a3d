"""Which record belongs to which account, by which rule, and how that was found before.

An answer stays with the account of its contact: once placed through a contact, a record is not
moved because the contact later belongs to another account, is entered twice or is deleted. What was
found by other means is found anew each time, so a website or a customer number put right counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ..records import MOMENT, NUMBER, STREAMS, TEXT
from . import ladder
from .identity import KEYS
from .matching import Matching
from .seen import NAMED
from .stage import Stage, moment, union

#: The columns of `placements` as they are kept in the lake, one row when something changed.
COLUMNS: Mapping[str, str] = {
    "stream": TEXT,
    "source": TEXT,
    "id": TEXT,
    "account_id": TEXT,
    "rule": TEXT,
    "confidence": NUMBER,
    "why": TEXT,
    "said": TEXT,
    "as_of": MOMENT,
}
#: Streams whose placements are kept: what a person said or was asked on a day.
KEPT = ("responses", "invitations")


def stages(matching: Matching, as_of: datetime) -> tuple[Stage, ...]:
    """From `resolved` keys to the records with their account, and `placements` of all of them.

    `placements` say of every record by which rule its account was found, or why it was not.
    """
    stays = matching.moves == "stay"
    return (
        Stage("kept", _kept(as_of)),
        *(Stage(f"named_{n}", _named(n, stays=stays and n in KEPT), "view") for n in NAMED),
        Stage("placements", _placements(), "view"),
        *(Stage(f"v_{name}", _placed(name), "view") for name in ("signals", "invitations")),
        Stage("v_tickets", _tickets(), "view"),
    )


def to_keep() -> str:
    """A query for what is to be kept of this run, without its moment."""
    streams = ", ".join(f"'{name}'" for name in KEPT)
    return (
        "SELECT p.stream, p.source, p.id, a.id AS account_id, p.rule, p.confidence, p.why, p.said"
        " FROM placements AS p LEFT JOIN accounts AS a ON a.key = p.key"
        f" WHERE p.stream IN ({streams})"
    )


def latest(rows: str) -> str:
    """A query for the newest of some rows of each record."""
    return (
        f"SELECT * FROM ({rows}) AS every_one QUALIFY row_number() OVER"
        " (PARTITION BY stream, source, id ORDER BY as_of DESC) = 1"
    )


def _kept(as_of: datetime) -> str:
    """What was found before through a contact, by the account's key of today."""
    rungs = " ".join(
        f"WHEN '{ladder.BY_RUNG[rung].name}' THEN {rung}" for rung in ladder.THROUGH_CONTACT
    )
    before = latest(f"SELECT * FROM lake_placements WHERE as_of <= {moment(as_of)}")
    return (
        f"SELECT k.stream, k.source, k.id, k.said, h.key, CASE k.rule {rungs} END AS rung"
        f" FROM ({before}) AS k JOIN holders AS h ON h.id = k.account_id"
        f" WHERE CASE k.rule {rungs} END IS NOT NULL"
    )


def _named(name: str, *, stays: bool) -> str:
    """The records of a stream with what was found of them."""
    same = " AND ".join(f"i.{key} IS NOT DISTINCT FROM r.{key}" for key in KEYS)
    records = f"FROM {NAMED[name]} AS r JOIN resolved AS i ON {same}"
    also = "i.n, i.candidates, i.anonymous"
    if not stays:
        return f"SELECT r.*, i.key, i.rung, {also} {records}"
    return (
        f"SELECT r.*, CASE WHEN {_stays()} THEN k.key ELSE i.key END AS key,"
        f" CASE WHEN {_stays()} THEN k.rung ELSE i.rung END AS rung, {also} {records}"
        f" LEFT JOIN kept AS k ON k.stream = '{name}'"
        " AND k.source IS NOT DISTINCT FROM r.source AND k.id = r.id"
    )


def _stays() -> str:
    """Whether a record stays where it is: unless a person says otherwise, or its own keys do, or a
    rule that is surer than a contact."""
    surer = f"{ladder.trusted('i.rung')} > {ladder.trusted('k.rung')}"
    return (
        f"k.key IS NOT NULL AND (i.key IS NULL OR (i.rung NOT IN {ladder.listed(ladder.ALIASES)}"
        f" AND k.said = {_said('r.')} AND NOT {surer}))"
    )


def _said(record: str = "") -> str:
    """What stands for the keys of a record, so that a change of them shows."""
    told = " || '|' || ".join(f"coalesce({record}{key}, '')" for key in KEYS)
    return f"md5({told})"


def _placements() -> str:
    keys = f"source, id, n, key, rung, candidates, anonymous, {_said()} AS said"
    everything = union(f"SELECT '{name}' AS stream, {keys} FROM named_{name}" for name in NAMED)
    rule = ladder.named("rung")
    why = (
        "CASE WHEN anonymous THEN 'anonymous' WHEN rung IS NULL THEN 'unknown'"
        f" WHEN candidates > 1 THEN 'ambiguous_' || {rule} ELSE 'unsure_' || {rule} END"
    )
    return (
        f"SELECT stream, source, id, n, key, rung, CASE WHEN key IS NOT NULL THEN {rule} END"
        f" AS rule, CASE WHEN key IS NOT NULL THEN {ladder.trusted('rung')} END AS confidence,"
        f" CASE WHEN key IS NULL THEN {why} END AS why,"
        f" CAST(candidates AS BIGINT) AS candidates, said FROM ({everything}) AS e"
    )


def _placed(name: str) -> str:
    return f"SELECT * FROM named_{name} WHERE key IS NOT NULL"


def _tickets() -> str:
    """Tickets of the CRM by their account, those of another system by what they say."""
    columns = ", ".join([*STREAMS["tickets"].all_columns, "key"])
    return union(
        [f"SELECT {columns} FROM own_tickets", f"SELECT {columns} FROM ({_placed('tickets')}) AS p"]
    )
