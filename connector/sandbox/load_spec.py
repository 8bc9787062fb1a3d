"""How CSV files of somebody else's become records of the sandbox: the specification, in TOML."""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic import Field as Key

from ..errors import ConfigError, Problem
from .seed_schema import link
from .store import Field

Value = str | bool | int | float


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _words(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _rule(value: object) -> object:
    return {"from": value} if isinstance(value, str) else value


Columns = Annotated[tuple[str, ...], BeforeValidator(_words)]


class Known(_Strict):
    """A column that lists the values there are."""

    file: str
    column: str


class Rule(_Strict):
    """Where the value of one field comes from, and how it is read.

    The first column of `from` that is not empty counts; `default` stands in when all are, and for
    what `map` does not know.
    """

    columns: Columns = Key(default=(), alias="from")
    value: Value | None = None
    default: Value | None = None
    map: dict[str, Value] = Key(default_factory=dict)
    date: str | None = None
    decimal: str = "."
    times: float = 1
    address: str | None = None
    ref: str | None = None
    by: str = "key"
    get: str = "Id"
    known: Known | None = None
    expect: bool = False


Rules = dict[str, Annotated[Rule, BeforeValidator(_rule)]]


class Step(_Strict):
    """One file, loaded into one object; a row whose `where` columns say otherwise is left out."""

    file: str
    object: str
    key: str | None = None
    where: dict[str, Columns] = Key(default_factory=dict)
    distinct: tuple[str, ...] = ()
    delimiter: str = ","
    fields: Rules

    @property
    def columns(self) -> set[str]:
        """Every column it reads."""
        read = {column for rule in self.fields.values() for column in rule.columns}
        return read | {self.key or next(iter(read))} | set(self.where) | set(self.distinct)


class NewField(_Strict):
    """A field to add to an object."""

    object: str = ""
    name: str
    type: str
    label: str = ""
    length: int = 255
    precision: int = 18
    scale: int = 0
    choices: tuple[str, ...] = ()
    refers: Columns = ()
    external_id: bool = False

    def made(self) -> Field:
        """The field as the store takes it."""
        if self.type == "reference":
            return link(self.name, *self.refers, label=self.label)
        given = self.model_dump(exclude={"object"})
        return Field(**given, restricted=bool(self.choices))


class NewObject(_Strict):
    """A custom object to create."""

    name: str
    prefix: str = Key(pattern="^[a-z0-9A-Z]{3}$")
    label: str = ""
    fields: tuple[NewField, ...]


class Derived(_Strict):
    """A field worked out from other records once all are there; `sql` is an expression."""

    object: str
    field: str
    sql: str


class Check(_Strict):
    """A rule of the reader's own: a query that gives the ids of the odd records."""

    rule: str
    object: str
    sql: str


class Spec(_Strict):
    """The whole file; the sandbox's clock starts at `start`."""

    start: datetime
    object: tuple[NewObject, ...] = ()
    field: tuple[NewField, ...] = ()
    load: tuple[Step, ...]
    derive: tuple[Derived, ...] = ()
    check: tuple[Check, ...] = ()


def read_spec(path: Path) -> Spec:
    """Reads a specification; all its mistakes are told at once."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"There is no file {path}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(str(path), 0, f"is not TOML: {error}")]) from error
    try:
        return Spec.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(_problem(path, each) for each in error.errors()) from error


def _problem(path: Path, error: Any) -> Problem:
    where = ".".join(str(part) for part in error["loc"])
    return Problem(str(path), 0, f"{where}: {error['msg']}")
