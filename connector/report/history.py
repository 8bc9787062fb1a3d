"""Tables about the past and about other models, on the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from ..model.moves import TIERS
from ..sync.backfill import Filled
from ..sync.compare import Cause, Compared, Move
from ..sync.line import Line
from ..sync.past import Looked
from ..sync.verify import Verified
from .terminal import TIER_STYLES, Row, count, moment, table, value


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


def filled(done: Filled) -> RenderableType:
    """Every moment of a backfill with its tiers, and what was kept."""
    names = sorted({tier for each in done.points for tier in each.tiers})
    rows = [
        (
            moment(each.as_of.isoformat()),
            *(count(each.tiers.get(name, 0)) for name in names),
            count(each.accounts - each.scored),
            _KEPT[each.kept],
        )
        for each in done.points
    ]
    written = sum(each.accounts for each in done.points if each.kept == "now")
    said = f"{written:,} scores were added to history." if written else _unwritten(done)
    if done.left:
        many = "1 moment is" if done.left == 1 else f"{done.left:,} moments are"
        said += f" {many} left: start the same line again."
    columns = ("as of", *names, "unknown", "in history")
    return Group(_series(done), table("Accounts by tier", columns, rows), Text(said, style="bold"))


def foreseen(done: Filled) -> RenderableType:
    """Which moments a backfill would score."""
    rows = [(moment(each.as_of.isoformat()), _KEPT[each.kept]) for each in done.points]
    to_do = sum(each.kept == "no" for each in done.points)
    said = f"{to_do:,} moments to score, about {done.accounts:,} accounts each."
    return Group(
        _series(done), table("Moments", ("as of", "in history"), rows), Text(said, style="bold")
    )


_KEPT = {"before": "already", "now": "added", "no": "–"}


def _series(done: Filled) -> Text:
    bits = (f"series {done.series}", f"model {done.model}", f"known {done.known}", "0 calls")
    return Text(" · ".join(bits), style="dim")


def _unwritten(done: Filled) -> str:
    if all(each.kept == "before" for each in done.points):
        return "Nothing left to do: history has all of it."
    return "Nothing was kept. Repeat with --write-history to add it to history."


def verified(found: Verified) -> RenderableType:
    """Whether a score is what it was, and what is not."""
    at = moment(found.past.as_of.isoformat())
    bits = (f"as of {at}", f"model {found.model}", f"inputs {found.inputs[0]}", "0 calls")
    parts: list[RenderableType] = [Text(" · ".join(bits), style="dim")]
    said = f"{found.account}: score {value(found.score)}, tier {value(found.tier)}"
    if found.equal:
        return Group(*parts, Text(f"{said}. Equal.", style="bold green"))
    rows = [(each.name, _listed(each.kept), _listed(each.again)) for each in found.differs]
    if rows:
        parts.append(table("What differs", ("", "kept", "worked out again"), rows))
    proof = "give" if found.from_inputs else "do not give"
    tail = f"Not equal; the kept inputs alone {proof} the kept score."
    return Group(*parts, Text(f"{said}. {tail}", style="bold yellow"))


def _listed(held: object) -> str:
    return ", ".join(map(str, held)) or "–" if isinstance(held, list) else value(held)


def compared(found: Compared) -> RenderableType:
    """Who is in another tier under another model, with how much revenue, and why."""
    a, b = found.models
    bits = (f"as of {moment(found.as_of.isoformat())}", f"model {a} → {b}", "0 calls")
    head = Text(" · ".join(bits), style="dim")
    said = (
        f"{found.moved:,} of {found.accounts:,} accounts would be in another tier, with "
        f"{found.moved_revenue:,.0f} of {found.revenue:,.0f} revenue; "
        f"{found.changed:,} scores differ."
    )
    moves = [
        (_way(each.tiers), count(each.accounts), _revenue(each), _why(each.why))
        for each in found.moves
    ]
    movers = [
        (
            each.account,
            each.name or "",
            "–" if each.revenue is None else f"{each.revenue:,.0f}",
            _way(each.tiers),
            f"{value(each.scores[0])} → {value(each.scores[1])}",
            _why(each.why),
        )
        for each in found.movers
    ]
    parts: list[RenderableType] = [head]
    if moves:
        parts.append(table("Moves", ("tier", "accounts", "revenue", "mostly because of"), moves))
    if movers:
        title = f"The first {len(movers)} of {found.moved:,} accounts"
        columns = ("id", "account", "revenue", "tier", "score", "because of")
        parts.append(table(title, columns, movers))
    return Group(*parts, Text(said, style="bold"))


def _way(tiers: tuple[str | None, str | None]) -> str:
    return " → ".join(value(tier) for tier in tiers)


def _revenue(move: Move) -> str:
    known = f"{move.revenue:,.0f}"
    return f"{known} ({move.unknown:,} unknown)" if move.unknown else known


def _why(causes: tuple[Cause, ...]) -> str:
    """`ticket load −3.2`; a cap by its name, edges in words."""
    return ", ".join(
        "the edges of the tiers"
        if each.cause == TIERS
        else f"{each.name.replace('_', ' ')} {each.delta:+.1f}".replace("-", "−")
        for each in causes
    )


def gone(line: Line) -> RenderableType:
    """How the score of an account went; another model is said where it begins."""
    rows = [
        (
            moment(each.as_of),
            value(each.score),
            Text(each.tier or "–", TIER_STYLES.get(each.tier or "", "")),
            f"{each.confidence} %",
            f"{each.model} from here on" if each.switched else each.model,
        )
        for each in line.stops
    ]
    title = f"{line.account}, {line.series or 'as scored on the day'}"
    columns = ("as of", "score", "tier", "confidence", "model")
    others = [name for name in line.every if name != line.series]
    said = f"Also in: {', '.join(others)}" if others else ""
    return Group(table(title, columns, rows), *([Text(said, style="dim")] if said else []))
