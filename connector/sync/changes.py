"""A plan on disk: one JSON document that a person can read, with one change a line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from filecmp import cmp
from pathlib import Path
from typing import Any

import orjson

from ..errors import ConfigError, UnsafePlan

_NAME = re.compile(r"[0-9A-Za-z-]{1,64}")
#: Where the changes begin in a file as we write it, and how it ends.
CHANGES, END = b'  "changes": [\n', b"\n]\n}\n"


@dataclass(frozen=True, slots=True)
class Change:
    """What one record holds, field by field, and what it would hold; both name the same fields.

    `tried` stands for the values, so that a refusal is remembered; `others` names our fields that
    hold what is not ours (see `ledger`).
    """

    id: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    tried: str = ""
    others: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan on disk. Its file is one JSON document with one change per line.

    `as_of` is the moment the scores speak of, `known_at` the one the records were read at: a job
    that an earlier run began may have read them before.
    """

    id: str
    path: Path
    org: str
    crm: str
    object: str
    as_of: datetime
    known_at: datetime
    model: str
    accounts: int
    changes: int
    conflicts: int
    fields: Mapping[str, Mapping[str, int]]
    types: Mapping[str, str]
    calls: Mapping[str, int]
    budget: Mapping[str, int]

    def read(self) -> Iterator[Change]:
        """The changes, one at a time, from the file."""
        found = 0
        with self.path.open("rb") as file:
            for line in file:
                if line.startswith(b'{"id"'):
                    found += 1
                    yield Change(**orjson.loads(line.rstrip().rstrip(b",")))
        self.refuse_unless(found)

    def refuse_unless(self, found: int) -> None:
        """Raise ConfigError unless so many changes were found in the file."""
        if found != self.changes:
            raise ConfigError(
                f"{self.path} promises {self.changes} changes and holds {found}.",
                hint="It was cut or edited. Make a new plan.",
            )


def header(made: Plan) -> dict[str, Any]:
    return {
        "plan": made.id,
        "org": made.org,
        "crm": made.crm,
        "object": made.object,
        "as_of": made.as_of.isoformat(),
        "known_at": made.known_at.isoformat(),
        "model": made.model,
        "accounts": made.accounts,
        "changing": made.changes,
        "conflicts": made.conflicts,
        "fields": made.fields,
        "types": made.types,
        "calls": made.calls,
        "budget": made.budget,
    }


def write(
    path: Path, head: Mapping[str, Any], changes: Iterable[bytes], theirs: Iterable[bytes]
) -> None:
    """Write a plan file: a head, then one change a line, then one conflict a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(orjson.dumps(head, option=orjson.OPT_INDENT_2)[:-2] + b",\n" + CHANGES)
        file.writelines(_separated(changes))
        file.write(b'\n],\n  "theirs": [\n')
        file.writelines(_separated(theirs))
        file.write(END)
    part.replace(path)


def _separated(lines: Iterable[bytes]) -> Iterator[bytes]:
    for number, line in enumerate(lines):
        yield (b",\n" if number else b"") + line


def kept(plan: Plan, folder: Path) -> Plan:
    """The plan at its place among our own, where its journal lies and where a crash is settled.

    Raises UnsafePlan when another plan of this name is there already.
    """
    place = folder / plan.id / "plan.json"
    if plan.path == place:
        return plan
    if place.exists():
        if not _equal(plan.path, place):
            raise UnsafePlan(
                f"{plan.path} is not the plan {plan.id} that was made here.",
                hint="It was edited, or it comes from another installation. Make a new plan.",
            )
    else:
        document = orjson.loads(plan.path.read_bytes())
        changes, theirs = document.pop("changes"), document.pop("theirs")
        write(place, document, map(orjson.dumps, changes), map(orjson.dumps, theirs))
    return replace(plan, path=place)


def _equal(one: Path, other: Path) -> bool:
    """Whether two files say the same; only one that somebody has formatted anew is taken apart."""
    if cmp(one, other, shallow=False):
        return True
    return bool(orjson.loads(one.read_bytes()) == orjson.loads(other.read_bytes()))


def load(path: Path) -> Plan:
    """Read the head of a plan file. Raises ConfigError when it is not one."""
    try:
        document = _head(path)
        if not _NAME.fullmatch(document["plan"]):
            raise ValueError(document["plan"])
        return Plan(
            id=document["plan"],
            path=path,
            org=document["org"],
            crm=document["crm"],
            object=document["object"],
            as_of=datetime.fromisoformat(document["as_of"]),
            known_at=datetime.fromisoformat(document["known_at"]),
            model=document["model"],
            accounts=document["accounts"],
            changes=document["changing"],
            conflicts=document["conflicts"],
            fields=document["fields"],
            types=document["types"],
            calls=document["calls"],
            budget=document["budget"],
        )
    except OSError as error:
        raise ConfigError(f"The plan {path} cannot be read: {error.strerror}.") from error
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{path} is not a plan.", hint="Write one with `connector plan -o plan.json`."
        ) from error


def _head(path: Path) -> dict[str, Any]:
    """All but the changes, of which there may be a million, if the file is as we write it."""
    head = b""
    with path.open("rb") as file:
        for line in file:
            if line == CHANGES:
                file.seek(-len(END), os.SEEK_END)
                if file.read() != END:
                    raise ValueError("cut")
                return dict(orjson.loads(head.rstrip(b",\n") + b"}"))
            head += line
    return dict(orjson.loads(head))
