"""Unmatched: the records that found no account, as the last run would list them now.

Nothing is asked of the CRM. The lake is placed anew, so that a line just written into the alias
file shows its effect at once.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..model import stages
from ..model import unmatched as lists
from ..model.identity import KEYS
from .app import App
from .run import writing
from .score import stage_inputs

#: How many of the latest runs are looked through for one that scored.
RECENT = 200
PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that a record could belong to, and what speaks for it."""

    id: str
    name: str
    because: str


@dataclass(frozen=True, slots=True)
class Lost:
    """One record without an account: why, what it says of its sender, and who it could be."""

    stream: str
    source: str
    id: str
    why: str
    keys: Mapping[str, str]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Unmatched:
    """How many records found no account, for which reasons, and the first of them.

    `words` would settle them as keys of the alias file.
    """

    as_of: datetime
    counts: tuple[tuple[str, str, int], ...]
    records: tuple[Lost, ...]
    words: tuple[str, ...]

    @property
    def total(self) -> int:
        return sum(many for _, _, many in self.counts)

    def as_dict(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "as_of": self.as_of.isoformat(),
            "unmatched": self.total,
            "counts": [
                {"stream": stream, "why": why, "records": many} for stream, why, many in self.counts
            ],
            "records": [asdict(each) for each in self.records],
        }


def unmatched(app: App, *, most: int, masked: bool = True) -> Unmatched:
    """The first `most` of the records without an account, as of the last run that scored."""
    as_of = last_scored(app)
    with closing(app.engine()) as engine:
        stage_inputs(app, engine)
        for stage in stages.placing(as_of=as_of, matching=app.matching):
            engine.stage(stage.name, stage.sql, stage.kind)
        counts = engine.rows(lists.counted())
        engine.stage("shown", lists.listed(most), "table")
        could = engine.dicts(lists.candidates("SELECT DISTINCT n FROM shown"))
        records = tuple(_lost(row, could, masked=masked) for row in engine.dicts("FROM shown"))
        words = tuple(str(word) for word, _ in engine.rows(lists.template()))
    return Unmatched(as_of, tuple(counts), records, words)


def write_template(words: tuple[str, ...], path: Path) -> None:
    """A file to fill in and to add to the alias file, for its owner alone; never over another."""
    if path.exists():
        raise ConfigError(
            f"{path} is there already.",
            hint="Name a new file; what people decided is in the alias file and stays there.",
        )
    with writing(str(path)):
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        with os.fdopen(made, "w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("key", "account_id"))
            rows.writerows((word, "") for word in words)


def mask(text: str) -> str:
    """A mail address with its first letter and its domain; any other text as it is."""
    return re.sub(r"([^\s@<])[^\s@<]*@", r"\1***@", text)


def last_scored(app: App) -> datetime:
    """The moment of the last run that scored. ConfigError when there was none."""
    if (found := scored_at(app)) is None:
        raise ConfigError("No run has scored anything yet.", hint="Run `connector sync`.")
    return found


def scored_at(app: App) -> datetime | None:
    """The moment of the last run that scored, or None."""
    for run in app.state.runs(RECENT):
        receipt = app.state.receipt(run["id"]) if run["ended"] else None
        if receipt and receipt["accounts"]:
            return datetime.fromisoformat(receipt["as_of"])
    return None


def _lost(row: Mapping[str, Any], could: list[dict[str, Any]], *, masked: bool) -> Lost:
    said = {key: str(row[key]).strip() for key in KEYS if row[key] and str(row[key]).strip()}
    return Lost(
        row["stream"],
        row["source"],
        row["id"],
        row["why"],
        {key: mask(text) if masked else text for key, text in said.items()},
        tuple(
            Candidate(each["id"], each["name"] or "", each["because"])
            for each in could
            if each["n"] == row["n"]
        ),
    )
