"""What a token may do: compared with what the mapping needs, before anything is read or written.

What is known beforehand only saves calls: whether a scope is missing, and what it is called, the
403 of the call in question says.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from ...http import body_of
from ...rest.pooled import Reply
from . import answers
from .catalogue import OWNERS
from .client import Client

_ACTIVITIES = frozenset({"calls", "emails", "meetings", "notes", "tasks", "communications"})
_OBJECTS = frozenset({"companies", "contacts", "deals"})
FEEDBACK, TICKETS = "feedback_submissions", "tickets"
#: Whoever made a private app has left; its token goes on, but not everywhere.
ORPHANED = "USER_DOES_NOT_HAVE_PERMISSIONS"

Held = Collection[str] | None


def reads(kind: str) -> tuple[str, ...]:
    """The scopes of which one is enough to read this kind of record."""
    if kind in _ACTIVITIES:
        return "crm.objects.contacts.read", f"crm.objects.{kind}.read"
    if kind == TICKETS:
        return (TICKETS,)
    # Submissions can be read with that for contacts, too; but this one goes with the product.
    own = kind in {*_OBJECTS, OWNERS, FEEDBACK}
    return (f"crm.objects.{kind if own else 'custom'}.read",)


def writes(kind: str) -> tuple[str, ...]:
    """The scopes of which one is enough to change this kind of record."""
    if kind == TICKETS:
        return (TICKETS,)
    return (f"crm.objects.{kind if kind in _OBJECTS else 'custom'}.write",)


def schemas(kind: str) -> tuple[str, ...]:
    """The scopes of which one is enough to make and change properties of this kind of record."""
    if kind == TICKETS:
        return (TICKETS,)
    return (f"crm.schemas.{kind if kind in _OBJECTS else 'custom'}.write",)


#: The scopes for segments.
LISTS_READ, LISTS_WRITE = ("crm.lists.read", "crm.lists.write"), ("crm.lists.write",)


def holds(held: Held, wanted: Iterable[str]) -> bool | None:
    """Whether one of these scopes is there; None where the scopes are not known."""
    return None if held is None else not set(wanted).isdisjoint(held)


@dataclass(frozen=True, slots=True)
class Gate:
    """One token at one account: which doors are shut, and why."""

    client: Client
    held: Held
    sees: Callable[[str], bool]

    def shut(self, objects: Iterable[str], written: str) -> tuple[dict[str, str], str]:
        """Object → why it cannot be read; and why records of `written` cannot be changed."""
        barred = {kind: why for kind in objects if (why := self._unreadable(kind))}
        return barred, self._unwritable(written)

    def _unreadable(self, kind: str) -> str:
        seen = self.sees(kind)
        if seen and holds(self.held, reads(kind)):
            return ""
        paths = self.client.paths
        path = paths.crm(OWNERS) if kind == OWNERS else paths.objects(kind)
        told = self._asked("GET", path, kind, query={"limit": "1"})
        if told or seen:
            return told
        # The records may be read, and what they look like may not.
        return self._asked("GET", paths.crm("properties", kind), kind)

    def _unwritable(self, kind: str) -> str:
        """Nothing is updated with nothing: HubSpot looks at the scope first."""
        if holds(self.held, writes(kind)):
            return ""
        path = self.client.paths.objects(kind, "batch", "update")
        return self._asked("POST", path, kind, body=b'{"inputs":[]}', safe=True)

    def _asked(self, method: str, path: str, kind: str, **options: Any) -> str:
        doing = f"to try {kind}"
        answer = self.client.raw(method, path, doing, refusals={400, 403, 404}, **options)
        return why(answer) if answer.status_code == 403 else ""


def why(answer: Reply) -> str:
    """What a 403 says, for whoever can change it."""
    told = answers.refused(body_of(answer, "HubSpot"))
    if told.category == ORPHANED:
        return (
            "the user who made the private app has left or lost rights: a super admin rotates its "
            "token, or makes a service key"
        )
    if told.scopes:
        return f"the token lacks the scope {' or '.join(told.scopes)}"
    return told.said or "HubSpot refuses it and does not say why"
