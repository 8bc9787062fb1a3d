"""A plan on disk: one JSON document that a person can read, with one change a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from ..errors import ConfigError


@dataclass(frozen=True, slots=True)
class Change:
    """What one record holds, field by field, and what it would hold; both name the same fields.

    `tried` stands for the values, so that a refusal is remembered.
    """

    id: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    tried: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan on disk. Its file is one JSON document with one change per line."""

    id: str
    path: Path
    org: str
    crm: str
    object: str
    as_of: datetime
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
        with self.path.open("rb") as file:
            for line in file:
                if line.startswith(b'{"id"'):
                    yield Change(**orjson.loads(line.rstrip().rstrip(b",")))


def header(made: Plan) -> dict[str, Any]:
    return {
        "plan": made.id,
        "org": made.org,
        "crm": made.crm,
        "object": made.object,
        "as_of": made.as_of.isoformat(),
        "model": made.model,
        "accounts": made.accounts,
        "changing": made.changes,
        "conflicts": made.conflicts,
        "fields": made.fields,
        "types": made.types,
        "calls": made.calls,
        "budget": made.budget,
    }


def load(path: Path) -> Plan:
    """Read the head of a plan file. Raises ConfigError when it is not one."""
    try:
        document = orjson.loads(path.read_bytes())
        return Plan(
            id=document["plan"],
            path=path,
            org=document["org"],
            crm=document["crm"],
            object=document["object"],
            as_of=datetime.fromisoformat(document["as_of"]),
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
