"""Tables and bars on the terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
)
from rich.table import Table
from rich.text import Text

from ..sync.changes import Change, Plan
from ..sync.provision import Provision
from ..sync.run import Notify

if TYPE_CHECKING:
    from ..sync.unmatched import Unmatched

#: Wide enough for every table where the output is no terminal that would say.
WIDE = 110
TIER_STYLES = {"A": "green", "B": "cyan", "C": "yellow", "D": "red"}

#: What may become of a cell, in the order in which it matters to a reader.
CELLS = ("set", "held", "theirs", "failed", "unfit", "unknown", "same")

Row = Sequence[RenderableType]

log = logging.getLogger("connector")


def console() -> Console:
    """Where answers go."""
    width = None if sys.stdout.isatty() else WIDE
    # What comes from the CRM is text, whatever brackets and colons it holds.
    return Console(width=width, highlight=False, markup=False, emoji=False)


def show(*parts: RenderableType) -> None:
    """Print parts one below the other."""
    out = console()
    for part in parts:
        out.print(part)


def step(heading: str, *parts: RenderableType | None) -> None:
    """Print a part of a longer story under its heading."""
    show(Text(f"\n{heading}", style="bold"), *(part for part in parts if part))


@contextmanager
def progress(*, shown: bool) -> Iterator[Notify]:
    """Bars on stderr while something works; in a log (-v) one line for each step."""
    out = Console(stderr=True)
    if not (shown and out.is_terminal):
        yield _logged
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
    )
    with Progress(*columns, console=out, transient=True) as bars:
        yield _Bars(bars).notify


def _logged(phase: str, what: str, done: int, total: int | None) -> None:
    log.info("%s %s %s%s", phase, what, done, "" if total is None else f"/{total}")


class _Bars:
    """One bar for every stream that is pulled, one for each other phase."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def notify(self, phase: str, what: str, done: int, total: int | None) -> None:
        _logged(phase, what, done, total)
        key = f"{phase} {what}" if phase == "pull" else phase
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(key, total=total)
        if total == 0:  # a bar of nothing out of nothing would stay empty
            done = total = 1
        name = f"{phase} {what}"
        self._bars.update(self._tasks[key], description=name, completed=done, total=total)


# ── a receipt ─────────────────────────────────────────────────────────────────────────────────


def receipt(done: Mapping[str, Any], *, odd_ids: int = 3) -> RenderableType:
    """Everything a run did, from its receipt; `odd_ids` of every kind of odd record."""
    parts = (cells(done["fields"]), outcome(done), _calls(done))
    return Group(found(done, odd_ids=odd_ids), *(part for part in parts if part))


def found(done: Mapping[str, Any], *, odd_ids: int = 3) -> RenderableType:
    """What a run read and how it scored it."""
    parts = (_streams(done), _notices(done), _scored(done), _odd(done, odd_ids))
    return Group(_head(done), *(part for part in parts if part))


def _head(done: Mapping[str, Any]) -> Text:
    bits = [f"run {done['run']}", f"org {done['org']}", f"as of {moment(done['as_of'])}"]
    seconds = sum(done["seconds"].values())
    return Text(" · ".join([*bits, f"model {done['model']}", f"{seconds:.1f} s"]), style="dim")


def _streams(done: Mapping[str, Any]) -> Table | None:
    rows = [
        (name, count(s["pulled"]), count(s["new"]), count(s["calls"]), _range(s))
        for name, s in done["streams"].items()
    ]
    return table("Pulled", ("stream", "records", "new", "calls", "read"), rows) if rows else None


def _range(stream: Mapping[str, Any]) -> str:
    """Of which time a stream was read; objects of one stream may differ. Survey platforms, and
    receipts of older versions, do not say."""
    objects = stream.get("objects", {}).values()
    whole = ["everything"] if any(each["read"] == "all" for each in objects) else []
    since = min((each["since"] for each in objects if each.get("since")), default="")
    return ", ".join([*whole, *([f"since {moment(since)}"] if since else [])])


def _notices(done: Mapping[str, Any]) -> Text | None:
    """What was gone without; receipts of older versions do not say."""
    notices = done.get("notices", ())
    return Text("\n".join(notices), style="yellow") if notices else None


def _scored(done: Mapping[str, Any]) -> Table | None:
    if not done["accounts"]:
        return None
    rows: list[Row] = [
        (Text(tier, TIER_STYLES.get(tier, "")), count(n)) for tier, n in done["tiers"].items()
    ]
    rows += [("nothing known", count(done["accounts"] - done["scored"]))]
    rows += [(f"linked by {rule.replace('_', ' ')}", count(n)) for rule, n in done["links"].items()]
    lost = "linked to no account"
    rows += [
        (f"{lost} (`connector sources unmatched`)" if done["unmatched"] else lost,
         count(done["unmatched"]))
    ]  # fmt: skip
    return table(f"Scored {done['scored']:,} of {done['accounts']:,} accounts", ("", ""), rows)


def cells(fields: Mapping[str, Mapping[str, int]]) -> Table | None:
    """How many cells of every field are written, and how many are left alone and why."""
    words = [w for w in CELLS if w == "set" or any(counts[w] for counts in fields.values())]
    rows = [(name, *(count(counts[word]) for word in words)) for name, counts in fields.items()]
    return table("Fields", ("field", *words), rows) if rows else None


def outcome(done: Mapping[str, Any]) -> Text | None:
    """What a run wrote, in a sentence; None for a run that was not about writing."""
    changes = done["changes"]
    if not changes or done["command"] == "plan":
        return None
    if not changes["planned"]:
        waiting = done.get("quarantined", 0)
        tail = f" {waiting:,} wait because the CRM refused the same before." if waiting else ""
        style = "bold yellow" if waiting else "bold green"
        return Text(f"Nothing left to do. {_others(changes)}{tail}", style=style)
    said = f"{changes['applied']:,} of {changes['planned']:,} accounts written. {_others(changes)}"
    refused = ", ".join(f"{code} ({n})" for code, n in done["refusals"].items())
    tail = f" Refused: {refused}." if refused else ""
    stopped = f"\n{done['stopped']} The next run continues." if done["stopped"] else ""
    return Text(said + tail + stopped, style="bold yellow" if tail or stopped else "bold green")


def _others(changes: Mapping[str, int]) -> str:
    return (
        f"{changes['failed']:,} failed, {changes['conflicts']:,} edited by somebody, "
        f"{changes['skipped']:,} left alone."
    )


def _odd(done: Mapping[str, Any], most: int) -> Table | None:
    rows = [
        (odd["stream"], odd["rule"], count(odd["count"]), ", ".join(odd["ids"][:most]))
        for odd in done["odd"]
    ]
    return table("Odd records", ("stream", "what", "count", "for example"), rows) if rows else None


def _calls(done: Mapping[str, Any]) -> RenderableType | None:
    rows = [
        (lane, count(of["predicted"]), count(of["actual"])) for lane, of in done["calls"].items()
    ]
    if not rows:
        return None
    used, allowed = done["allowance"].get("used", 0), done["allowance"].get("allowed", 0)
    total = sum(of["actual"] for of in done["calls"].values())
    shown = table("Calls", ("lane", "predicted", "made"), rows)
    return Group(shown, Text(f"This run: {share(total, allowed)}. Today so far: {used:,}."))


# ── a plan ────────────────────────────────────────────────────────────────────────────────────


def plan(
    made: Plan,
    shown: Sequence[str],
    sample: Sequence[Change],
    names: Mapping[str, str],
) -> RenderableType:
    """What would change: by field, some records before and after, and what it would cost."""
    parts: list[RenderableType] = [part for part in (cells(made.fields),) if part]
    rows = [_changed(change, shown, names) for change in sample]
    if rows:
        title = f"The first {len(rows)} of {made.changes:,} accounts"
        parts.append(table(title, ("id", "account", *shown), rows))
    return Group(*parts, Text(_cost(made), style="bold"))


def _changed(change: Change, shown: Sequence[str], names: Mapping[str, str]) -> Row:
    """One record in one line, with the fields that are a reason to write it."""
    of = {f: f"{value(change.before[f])} → {value(after)}" for f, after in change.after.items()}
    return (change.id, names.get(change.id, ""), *(of.get(field, "") for field in shown))


def _cost(made: Plan) -> str:
    writing = sum(made.calls.values())
    whole = share(writing + made.budget.get("made", 0), made.budget.get("allowed", 0))
    if not made.changes:
        return f"Nothing left to do. Reading, this run: {whole}."
    return (
        f"{made.changes:,} of {made.accounts:,} accounts would change, "
        f"{made.conflicts:,} hold values that somebody edited.\n"
        f"To write this: {share(writing, 0)}. Reading and writing, this run: {whole}."
    )


# ── smaller things ────────────────────────────────────────────────────────────────────────────


def sources(found: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    """The types of sources that there are, and how to read the list."""
    listed = [(s["type"], ", ".join(s["streams"]) or "–", s["sure"], s["about"]) for s in found]
    yield table("Sources", ("type", "brings", "sure", "what it is"), listed)
    yield Text(
        "verified: its documentation or working code was read whole. partly: some of it. inferred: "
        "check it against your own account.\ndocs/sources/TYPE.md says where to get the key, and "
        "what is read."
    )


def unmatched(found: Unmatched, template: Path | None) -> Iterator[RenderableType]:
    """The records that found no account, and what a person can do about it."""
    if not found.total:
        yield Text("Every record has found its account.", style="bold green")
        return
    counted = [(stream, why, count(many)) for stream, why, many in found.counts]
    yield table(f"Without an account: {count(found.total)}", ("stream", "why", "count"), counted)
    rows = [
        (
            each.stream,
            each.id,
            each.why,
            "\n".join(each.keys.values()),
            "\n".join(f"{c.name} ({c.id}): {c.because}" for c in each.candidates),
        )
        for each in found.records
    ]
    title = f"The first {len(rows)}" if len(rows) < found.total else "All of them"
    yield table(title, ("stream", "id", "why", "says", "could be"), rows)
    if template:
        yield Text(f"{template}: {count(len(found.words))} keys to decide.")
    yield Text(
        "A line `key,account_id` in the alias file ([files] aliases) settles every record with "
        "that key. --show shows addresses whole, --csv FILE writes all keys to be filled in."
    )


def runs(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    """The latest runs."""
    if not rows:
        return Text("No run yet. Begin with `connector sync`.")
    listed = [
        (r["id"], r["command"], moment(r["as_of"]), _ended(r), (r["error"] or "").split("\n")[0])
        for r in rows
    ]
    return table("Runs", ("run", "command", "as of", "exit", "error"), listed)


def _ended(run: Mapping[str, Any]) -> str:
    return "not ended" if run["exit"] is None else str(run["exit"])


def provision(found: Provision) -> RenderableType:
    """Which fields are there, and what was done about those that were not."""
    done = dict.fromkeys(found.created, "created")
    done |= {name: "made visible" for name in found.granted if name not in done}
    rows = [(name, "there") for name in found.present]
    rows += [(name, done.get(name, "missing")) for name in found.missing]
    return table(f"Fields of {found.object}", ("field", ""), rows)


def table(title: str, columns: Sequence[str], rows: Sequence[Row]) -> Table:
    """A plain table; figures stand to the right."""
    made = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for number, name in enumerate(columns):
        figures = bool(rows) and all(_is_figure(row[number]) for row in rows)
        made.add_column(name, justify="right" if figures else "left", overflow="fold")
    for row in rows:
        made.add_row(*row)
    made.show_header = any(columns)
    return made


def _is_figure(cell: RenderableType) -> bool:
    return isinstance(cell, str) and cell.replace(",", "").isdigit()


def count(number: int) -> str:
    """A number of things."""
    return f"{number:,}"


def share(calls: int, allowed: int) -> str:
    """Calls as a part of what the day allows: `14 calls of 15,000 (0.1 %)`."""
    said = f"{calls:,} call{'' if calls == 1 else 's'}"
    return f"{said} of {allowed:,} ({100 * calls / allowed:.1f} %)" if allowed else said


def value(held: Any) -> str:
    """A value of the CRM; nothing is a dash."""
    if isinstance(held, float):
        return f"{held:,.2f}".rstrip("0").rstrip(".")
    return "–" if held in (None, "") else str(held)


def moment(text: str | None) -> str:
    """An ISO moment without what nobody reads."""
    return f"{text[:16].replace('T', ' ')} UTC" if text else "–"
