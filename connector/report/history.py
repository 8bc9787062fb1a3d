"""Tables about the past and about other models, on the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from ..sync.past import Looked
from .terminal import TIER_STYLES, Row, count, moment, table


def looked(found: Looked) -> RenderableType:
    """What scoring a moment of the past came to."""
    past = found.past
    bits = (
        f"as of {moment(past.as_of.isoformat())}",
        f"known by {moment(past.known_by.isoformat())}",
        f"model {found.model}",
        f"rows {found.rows}",
        "0 calls",
    )
    streams = [
        (name, count(each.held), count(each.counted), count(each.late))
        for name, each in found.inputs.items()
    ]
    rows: list[Row] = [
        (Text(tier, TIER_STYLES.get(tier, "")), count(n)) for tier, n in found.tiers.items()
    ]
    rows.append(("nothing known", count(found.accounts - found.scored)))
    return Group(
        Text(" · ".join(bits), style="dim"),
        table("Records", ("stream", "held", "known in time", "only as later"), streams),
        table(f"Scored {found.scored:,} of {found.accounts:,} accounts", ("", ""), rows),
    )
