"""Field history: Salesforce tracks twenty fields of an object and no more."""

from __future__ import annotations

from collections.abc import Iterable

from ...mapping.objects import Field
from . import setup
from .client import Client

MOST = 20
FULL = (
    f"history is not tracked: {MOST} fields of the object are, and Salesforce tracks no more. "
    "Take another field off in Setup → Object Manager → Set History Tracking, and run this again"
)


def beyond(client: Client, object: str, fields: Iterable[Field]) -> frozenset[str]:
    """The fields whose history is wanted and finds no room, last ones first to go without.

    Whoever may not look into Setup is not told; then Salesforce itself refuses.
    """
    wanted = [field.target for field in fields if field.history]
    if not wanted:
        return frozenset()
    rows = setup.tooling(
        client,
        "SELECT QualifiedApiName FROM FieldDefinition WHERE IsFieldHistoryTracked = true "
        f"AND EntityDefinition.QualifiedApiName = '{object}'",
    )
    tracked = {row["QualifiedApiName"] for row in rows or ()}
    new = [name for name in wanted if name not in tracked]
    return frozenset(new[max(0, MOST - len(tracked)) :])
