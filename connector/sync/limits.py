"""What a CRM field can hold, as SQL over the wanted value: a row it would refuse is never sent."""

from __future__ import annotations

from collections.abc import Mapping

from ..mapping.objects import Field
from ..records import CrmField

#: What a file says for "empty this field"; as a text it cannot be said.
CLEARED = "#N/A"
#: The dates that Salesforce and HubSpot both take.
FIRST_DAY, LAST_DAY = "1700-01-01", "4000-12-31"


def unfit(
    field: Field, have: CrmField | None, by_type: Mapping[str, tuple[str, ...]] | None = None
) -> str:
    """Whether the wanted value is one that the field refuses; what describe says decides.

    `by_type` are the choices of each record type, where they differ.
    """
    if have is None:
        return "false"
    wanted = f'"to:{field.target}"'
    match field.type:
        case "number" if have.precision:
            wrong = f"abs({wanted}) >= 1e{have.precision - have.scale}"
        case "text" | "long_text" if have.length:
            wrong = f"length({wanted}) > {have.length} OR {wanted} = '{CLEARED}'"
        case "choice" if have.restricted:
            wrong = f"{wanted} NOT IN ({_listed(have.choices)}){_of_type(wanted, by_type or {})}"
        case "date":
            wrong = f"{wanted} NOT BETWEEN DATE '{FIRST_DAY}' AND DATE '{LAST_DAY}'"
        case "datetime":
            day = f"CAST({wanted} AT TIME ZONE 'UTC' AS DATE)"
            wrong = f"{day} NOT BETWEEN DATE '{FIRST_DAY}' AND DATE '{LAST_DAY}'"
        case _:
            return "false"
    return f"coalesce({wrong}, false)"


def _of_type(wanted: str, by_type: Mapping[str, tuple[str, ...]]) -> str:
    return "".join(
        f" OR (record_type = '{kind}' AND {wanted} NOT IN ({_listed(choices)}))"
        for kind, choices in by_type.items()
    )


def _listed(choices: tuple[str, ...]) -> str:
    return ", ".join("'" + each.replace("'", "''") + "'" for each in choices) or "NULL"
