"""What a mapping file says: the format of `mappings/<crm>.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .periods import Days

#: A text by language: `{ en = "Health score", de = "Gesundheitswert" }`.
Labels = dict[str, str]
Scalar = str | bool | int | float
#: What one transform needs: `0`, `[0, 100]`, `{ A = "Healthy" }`.
Argument = Scalar | list[int | float] | dict[str, str]
Kind = Literal["number", "text", "long_text", "choice", "date", "datetime", "checkbox"]
Missing = Literal["skip", "clear", "default"]


@dataclass(frozen=True, slots=True)
class Pull:
    """One CRM object that feeds one stream.

    `columns` gives every canonical column as SQL over the CRM's own fields; `where` is a filter in
    the CRM's own language and is passed through. An empty `modified` or `deleted` says that the
    object has no such field. `optional_columns` are unknown where the org lacks their fields.
    """

    stream: str
    object: str
    columns: dict[str, str]
    where: str = ""
    modified: str = "SystemModstamp"
    deleted: str = "IsDeleted"
    optional: bool = False
    optional_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """One CRM field and the value that goes there."""

    source: str
    target: str
    type: Kind
    label: Labels = field(default_factory=dict)
    help: Labels = field(default_factory=dict)
    precision: int = 18
    scale: int = 0
    length: int = 0
    values: tuple[str, ...] = ()
    value_labels: dict[str, Labels] = field(default_factory=dict)
    transform: tuple[dict[str, Argument], ...] = ()
    missing: Missing = "skip"
    default: Scalar | None = None
    on_conflict: Literal["keep", "overwrite"] = "keep"
    min_change: float = 0
    follows: bool = False
    group: str = ""
    own: bool = False
    history: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """When a value is written although its field says it may wait."""

    max_age: Days | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """Results of one account, and what the CRM must then hold; "" means that nothing is written."""

    given: dict[str, Scalar]
    expect: dict[str, Scalar]


@dataclass(frozen=True, slots=True)
class CrmMapping:
    """A whole mapping file: what is read from one CRM and what is written to one of its objects."""

    crm: str
    object: str
    pull: tuple[Pull, ...] = ()
    fields: tuple[Field, ...] = ()
    write: Write = field(default_factory=Write)
    examples: tuple[Example, ...] = ()

    @property
    def targets(self) -> Mapping[str, Field]:
        """The fields by the name they have in the CRM."""
        return {each.target: each for each in self.fields}
