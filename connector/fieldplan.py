"""What the fields of a mapping need in a CRM: planned, shown to a person, and carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class FieldStep:
    """What one field of the mapping needs in the CRM.

    `changes` are (what, before, after), in words for a person, and `why` says what is left as it
    is. `definition` is the field as the CRM takes it, whole; it is empty when the field is not
    ours. `id` is the CRM's own, empty for a field that is to be made.
    """

    target: str
    do: Literal["create", "change", "leave", "refuse"]
    changes: tuple[tuple[str, Any, Any], ...] = ()
    why: tuple[str, ...] = ()
    definition: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """A permission set: the fields that whoever has it may read, or read and edit.

    Fields are named `Account.Health_Score__c`. `objects` tells what may be done with the records
    of an object, in the CRM's own words. `new` are the fields and objects that it does not grant
    yet, or not in full.
    """

    name: str
    label: str
    do: Literal["create", "change", "leave", "refuse"]
    read: tuple[str, ...]
    edit: tuple[str, ...]
    new: tuple[str, ...]
    why: str = ""
    objects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Extra:
    """What stands beside the fields: the group that they are in, a segment by their values.

    It is made if it is missing, and never changed. `kind` says what it is.
    """

    kind: str
    name: str
    do: Literal["create", "leave"]
    changes: tuple[tuple[str, Any, Any], ...] = ()
    why: tuple[str, ...] = ()
    definition: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """What is to be made or changed in the CRM, for fields and for who sees them.

    `hidden` are the fields to write that the user does not see now; `absent` is what the mapping
    reads and the CRM does not have; `lacking` are the rights that the user would need; `by_hand`
    tells an admin, line by line, how to do the same. `words` are the texts of fields in the other
    language that are not there yet; `notes` say what is left out and holds nothing up.
    """

    object: str
    user: str
    steps: tuple[FieldStep, ...]
    access: tuple[Access, ...] = ()
    assign: str = ""
    hidden: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    extras: tuple[Extra, ...] = ()
    words: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def todo(self) -> bool:
        """Whether anything is left to do."""
        done = [step.do for step in self.steps] + [access.do for access in self.access]
        done += [extra.do for extra in self.extras]
        return bool(self.assign or self.words) or not {"create", "change"}.isdisjoint(done)

    @property
    def refused(self) -> dict[str, str]:
        """What stands in the way, and why: a field that cannot be what the mapping wants, or a
        permission set that would have to show new fields and is not ours."""
        told = {step.target: " ".join(step.why) for step in self.steps if step.do == "refuse"}
        if self.todo:
            told |= {
                each.name: each.why for each in self.access if each.do == "refuse" and each.edit
            }
        return told


@dataclass(frozen=True, slots=True)
class FieldsMade:
    """What became of a plan: fields made and changed, permissions given, and what was refused."""

    created: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()
    assigned: str = ""
    failed: Mapping[str, str] = field(default_factory=dict)
    translated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
