"""The types of records there are: their names, ids, scopes and what each shows unasked."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import invalid

_ENGAGED = ("crm.objects.contacts.read",)


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of record; `code` is its number in the tables."""

    name: str
    single: str
    code: int
    first_id: int
    shown: tuple[str, ...] = ()
    reads: tuple[str, ...] = _ENGAGED
    writes: tuple[str, ...] = ("crm.objects.contacts.write",)
    core: bool = False
    required: tuple[str, ...] = ()
    created: str = "hs_createdate"
    changed: str = "hs_lastmodifieddate"
    group: str = ""

    @property
    def id(self) -> str:
        """Its number as addresses and answers tell it."""
        return f"0-{self.code}"

    @property
    def system(self) -> tuple[str, ...]:
        """The properties that come along whatever was asked for."""
        return (self.created, self.changed, "hs_object_id")

    @property
    def defaults(self) -> tuple[str, ...]:
        """The properties that come when none is named."""
        return tuple(sorted({*self.system, *self.shown}))


def _core(name: str, single: str, code: int, first: int, *shown: str, **more: object) -> Kind:
    scopes = {
        "reads": (f"crm.objects.{name}.read",),
        "writes": (f"crm.objects.{name}.write",),
    }
    kept = {"created": "createdate", "group": f"{single}information", **scopes, **more}
    return Kind(name, single, code, first, shown, core=True, **kept)  # type: ignore[arg-type]


def _activity(name: str, single: str, code: int, first: int, **more: object) -> Kind:
    reads = (*_ENGAGED, f"crm.objects.{name}.read")
    writes = ("crm.objects.contacts.write", f"crm.objects.{name}.write")
    kept = {"required": ("hs_timestamp",), "group": single, **more}
    return Kind(name, single, code, first, reads=reads, writes=writes, **kept)  # type: ignore[arg-type]


KINDS = (
    _core("contacts", "contact", 1, 21_001, "email", "firstname", "lastname",
          changed="lastmodifieddate"),
    _core("companies", "company", 2, 9_337_000_001, "domain", "name"),
    _core("deals", "deal", 3, 9_755_000_001, "amount", "closedate", "dealname", "dealstage",
          "pipeline", required=("dealname",)),
    _core("tickets", "ticket", 5, 16_174_000_001, "content", "hs_pipeline", "hs_pipeline_stage",
          "hs_ticket_category", "hs_ticket_priority", "subject", reads=("tickets",),
          writes=("tickets",), required=("hs_pipeline_stage",)),
    _activity("communications", "communication", 18, 31_200_000_001),
    Kind("feedback_submissions", "feedback_submission", 19, 41_500_000_001, writes=(),
         reads=("crm.objects.feedback_submissions.read", "crm.objects.contacts.read"),
         group="feedback_submission"),
    _activity("tasks", "task", 27, 64_075_000_001),
    _activity("notes", "note", 46, 25_301_000_001),
    _activity("meetings", "meeting", 47, 24_386_000_001),
    _activity("calls", "call", 48, 27_195_000_001),
    _activity("emails", "email", 49, 28_806_000_001),
)  # fmt: skip
BY_NAME = {each.name: each for each in KINDS}
BY_CODE = {each.code: each for each in KINDS}
_SPELLINGS = {
    spelling: each for each in KINDS for spelling in (each.name, each.single, each.id)
} | {"feedback_submission": BY_NAME["feedback_submissions"]}
#: What can be merged, and what has a page of its own.
CORE = frozenset(each.name for each in KINDS if each.core)
ACTIVITIES = frozenset(each.name for each in KINDS if each.required == ("hs_timestamp",))
#: What cannot be written through the API.
READ_ONLY = frozenset({"feedback_submissions"})


def kind_of(spelled: str) -> Kind:
    """The type that is meant: `companies`, `company`, `COMPANY` or `0-2`."""
    found = _SPELLINGS.get(spelled.lower())
    if found is None:
        raise invalid(f"Unable to infer object type from: {spelled}")
    return found
