"""Loads somebody else's CSV files into an empty org, and lists everything odd about them.

No row is lost without a word: a value that cannot be read stays empty, a reference that leads
nowhere stays empty, and both are counted and named by file and line.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ConfigError, Problem
from ..records import Oddity
from .clock import stamp
from .load_sheet import Sheet, read_sheet
from .load_spec import Rule, Spec, Step, read_spec
from .load_values import Bad, Read, reader
from .seed import fill
from .store import SYSTEM_FIELDS, Field, Store, quoted
from .surveys.zenloop import serve_recorded

EXAMPLES = 5
LOADED_BY = "005000000000002AAA"  # the administrator that every org has

_MOMENTS = ("CreatedDate", "LastModifiedDate", "SystemModstamp")
_AUTHORS = ("CreatedById", "LastModifiedById", "OwnerId")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of one file; nothing was made of the columns in `unused`."""

    file: str
    object: str
    rows: int
    loaded: int
    left_out: int
    unused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What was loaded and what was odd; the ids of an oddity are places, `file:line`."""

    loaded: tuple[Loaded, ...]
    oddities: tuple[Oddity, ...]
    answers: int

    def count(self, name: str) -> int:
        """How many records of an object were loaded."""
        return sum(each.loaded for each in self.loaded if each.object == name)


@dataclass(slots=True)
class Loading:
    """A load under way: the sheets, who can be referred to by what, and the oddities so far."""

    store: Store
    sheets: Mapping[str, Sheet]
    now: str
    keys: dict[str, dict[str, str]] = field(default_factory=dict)
    found: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def odd(self, name: str, rule: str, *places: str) -> None:
        """Notes that a rule was broken at these places."""
        self.found.setdefault((name, rule), []).extend(places)

    def oddities(self) -> tuple[Oddity, ...]:
        """Every rule that was broken, how often, and where for example."""
        return tuple(
            Oddity(name, rule, len(places), tuple(places[:EXAMPLES]))
            for (name, rule), places in self.found.items()
            if places
        )


def load(
    store: Store, directory: Path, spec: Path, recorded_zenloop: Path | None = None
) -> LoadReport:
    """Fills an empty org from the files in a directory as the specification says."""
    wanted = read_spec(spec)
    if "Account" not in store.objects():
        fill(store, 0, 0)
    sheets, problems = _read_sheets(directory, wanted)
    problems.extend(_mistakes(store, wanted, sheets, str(spec)))
    if problems:
        raise ConfigError(problems, hint="Correct the specification, then load again.")
    store.clock.set(wanted.start)
    with store.transaction():
        _shape(store, wanted)
        work = Loading(store, sheets, stamp(wanted.start))
        loaded = tuple(_load(work, step) for step in wanted.load)
        _derive(work, wanted)
        _check(work, wanted)
    answers = serve_recorded(store, recorded_zenloop) if recorded_zenloop else 0
    return LoadReport(loaded, work.oddities(), answers)


# before anything is written


def _read_sheets(directory: Path, spec: Spec) -> tuple[dict[str, Sheet], list[Problem]]:
    delimiters = {step.file: step.delimiter for step in spec.load}
    known = [rule.known.file for step in spec.load for rule in step.fields.values() if rule.known]
    sheets: dict[str, Sheet] = {}
    problems: list[Problem] = []
    for name in [*delimiters, *known]:
        path = directory / name
        if path.is_file():
            sheets[name] = read_sheet(path, delimiters.get(name, ","))
        else:
            problems.append(Problem(str(path), 0, "is not there"))
    return sheets, problems


def _mistakes(
    store: Store, spec: Spec, sheets: Mapping[str, Sheet], file: str
) -> Iterator[Problem]:
    """What the specification names and is not there, or is there already."""
    there = store.objects()
    for made in spec.object:
        if made.name in there:
            yield Problem(file, 0, f"the object {made.name} is there already")
    for name in dict.fromkeys(step.object for step in spec.load):
        # the users of an org are there before anything else
        if name in there and name != "User" and _holds(store, name):
            yield Problem(file, 0, f"the org already holds {name} records; it must be empty")
    yield from _missing_fields(store, spec, file)
    yield from _missing_columns(spec, sheets, file)


def _holds(store: Store, name: str) -> bool:
    sql = f"select exists (select 1 from {quoted(name)})"
    return bool(store.db.execute(sql).fetchone()[0])


def _missing_fields(store: Store, spec: Spec, file: str) -> Iterator[Problem]:
    fields = {name: set(store.fields(name)) for name in store.objects()}
    system = {each.name for each in SYSTEM_FIELDS}
    for made in spec.object:
        fields[made.name] = system | {each.name for each in made.fields}
    for added in spec.field:
        if added.object not in fields:
            yield Problem(file, 0, f"there is no object {added.object} to add {added.name} to")
        fields.setdefault(added.object, set()).add(added.name)
    for step in spec.load:
        if step.object not in fields:
            yield Problem(file, 0, f"there is no object {step.object}")
        for name, rule in step.fields.items():
            if name not in fields.get(step.object, {name}):
                yield Problem(file, 0, f"{step.object} has no field {name}")
            if rule.ref and rule.ref not in fields:
                yield Problem(file, 0, f"{name} refers to {rule.ref}, which is not there")
            elif rule.ref and rule.get not in fields[rule.ref]:
                yield Problem(file, 0, f"{name} takes {rule.get}, which {rule.ref} has not")


def _missing_columns(spec: Spec, sheets: Mapping[str, Sheet], file: str) -> Iterator[Problem]:
    for step in spec.load:
        if step.file in sheets:
            for column in sorted(step.columns - set(sheets[step.file].header)):
                yield Problem(file, 0, f"{step.file} has no column {column}")
        for known in (rule.known for rule in step.fields.values() if rule.known):
            if known.file in sheets and known.column not in sheets[known.file].header:
                yield Problem(file, 0, f"{known.file} has no column {known.column}")


# writing


def _shape(store: Store, spec: Spec) -> None:
    """Makes the objects and fields that the files need."""
    for new in spec.object:
        fields = [each.made() for each in new.fields]
        store.create(new.name, fields, prefix=new.prefix, label=new.label)
    for added in spec.field:
        store.add_field(added.object, added.made())


def _load(work: Loading, step: Step) -> Loaded:
    sheet = work.sheets[step.file]
    rows = [row for row in sheet.rows if _wanted(step, sheet, row[1])]
    lines = [f"{sheet.name}:{line}" for line, _ in rows]
    for rule, numbers in sheet.odd.items():
        work.odd(step.object, rule, *(f"{sheet.name}:{number}" for number in numbers))
    cells = {name: [row[place] for _, row in rows] for place, name in enumerate(sheet.header)}
    ids = _remember(work, step, cells, lines)
    _insert(work, step, cells, ids, lines)
    unused = tuple(name for name in sheet.header if name not in step.columns)
    total = len(sheet.rows) + sheet.lost
    return Loaded(step.file, step.object, total, len(rows), total - len(rows), unused)


def _wanted(step: Step, sheet: Sheet, row: Sequence[str]) -> bool:
    return all(row[sheet.header.index(column)] in allowed for column, allowed in step.where.items())


def _insert(
    work: Loading,
    step: Step,
    cells: Mapping[str, list[str]],
    ids: Sequence[str],
    lines: Sequence[str],
) -> None:
    fields = work.store.fields(step.object)
    columns = {
        name: _values(work, step, fields[name], rule, cells, lines)
        for name, rule in step.fields.items()
    }
    _complete(work, step, fields, columns, lines)
    work.store.insert(step.object, ["Id", *columns], zip(ids, *columns.values(), strict=True))


def _remember(
    work: Loading, step: Step, cells: Mapping[str, list[str]], lines: Sequence[str]
) -> list[str]:
    """Gives each row an id and notes by which key it can be referred to; the first keeps it."""
    ids = work.store.new_ids(step.object, len(lines))
    work.places.update(zip(ids, lines, strict=True))
    if step.key:
        keys = work.keys.setdefault(step.object, {})
        for key, id_ in zip(cells[step.key], ids, strict=True):
            keys.setdefault(key, id_)
    for column in dict.fromkeys(filter(None, (step.key, *step.distinct))):
        repeats = _repeats(lines, cells[column])
        work.odd(step.object, f"{column} repeats that of an earlier row", *repeats)
    return ids


def _repeats(lines: Sequence[str], cells: Sequence[str]) -> Iterator[str]:
    seen: set[str] = set()
    for line, text in zip(lines, cells, strict=True):
        if text in seen:
            yield line
        seen.add(text)


def _where(
    lines: Sequence[str], cells: Sequence[str], test: Callable[[str], bool]
) -> Iterator[str]:
    return (line for line, text in zip(lines, cells, strict=True) if test(text))


def _values(
    work: Loading,
    step: Step,
    target: Field,
    rule: Rule,
    cells: Mapping[str, list[str]],
    lines: Sequence[str],
) -> list[object]:
    """One column of values, from one or more columns of text."""
    if not rule.columns:
        return [_plain(rule.value)] * len(lines)
    texts = [
        next(filter(None, row), "")
        for row in zip(*(cells[column] for column in rule.columns), strict=True)
    ]
    name = " or ".join(rule.columns)
    if rule.expect:
        work.odd(step.object, f"{name} is empty", *_where(lines, texts, lambda text: not text))
    if rule.known:
        listed = set(work.sheets[rule.known.file].column(rule.known.column))
        strange = _where(lines, texts, lambda text: bool(text) and text not in listed)
        work.odd(step.object, f"{name} is not in {rule.known.file}", *strange)
    return list(_read(work, step, target, rule, zip(texts, lines, strict=True), name))


def _read(
    work: Loading,
    step: Step,
    target: Field,
    rule: Rule,
    texts: Iterable[tuple[str, str]],
    name: str,
) -> Iterator[object]:
    read = _reference(work, rule) if rule.ref else reader(target, rule)
    seen: dict[str, object] = {}
    default = _plain(rule.default)
    for text, line in texts:
        if text in rule.map:
            yield _plain(rule.map[text])
        elif not text or (rule.map and default is not None):
            yield default
        elif text in seen:
            yield seen[text]
        else:
            try:
                seen[text] = read(text)
                yield seen[text]
            except Bad as bad:
                work.odd(step.object, f"{name} {bad}", f"{line} ({text[:40]})")
                yield None


def _reference(work: Loading, rule: Rule) -> Read:
    """Reads a key of another record as that record's id, or as what one of its fields holds."""
    assert rule.ref
    keys = work.keys.get(rule.ref, {}) if rule.by == "key" else _pairs(work, rule.ref, rule.by)
    got = (
        {}
        if rule.get == "Id"
        else {id_: value for value, id_ in _fetched(work, rule.ref, rule.get)}
    )

    def read(text: str) -> object:
        id_ = keys.get(text)
        if id_ is None:
            raise Bad(f"names no {rule.ref}")
        return got[id_] if got else id_

    return read


def _pairs(work: Loading, name: str, column: str) -> dict[str, str]:
    return {str(value): id_ for value, id_ in _fetched(work, name, column)}


def _fetched(work: Loading, name: str, column: str) -> list[tuple[object, str]]:
    sql = f"select {quoted(column)}, Id from {quoted(name)} order by Id desc"
    return list(work.store.db.execute(sql).fetchall())


def _plain(value: str | float | bool | None) -> str | float | None:
    return int(value) if isinstance(value, bool) else value


def _complete(
    work: Loading,
    step: Step,
    fields: Mapping[str, Field],
    columns: dict[str, list[object]],
    lines: Sequence[str],
) -> None:
    """Fills in what a record cannot be without, and notes what still is missing."""
    for name in _AUTHORS:
        if name in fields:
            given = columns.get(name, [None] * len(lines))
            columns[name] = [LOADED_BY if value is None else value for value in given]
    for name in _MOMENTS:
        if name in columns:
            late = (v is not None and str(v) > work.now for v in columns[name])
            after = (line for line, is_late in zip(lines, late, strict=True) if is_late)
            work.odd(step.object, f"{name} lies after the start of the clock", *after)
            columns[name] = [min(str(v or work.now), work.now) for v in columns[name]]
    for name, values in columns.items():
        if fields[name].type == "boolean":
            columns[name] = [0 if value is None else value for value in values]
        elif not fields[name].nillable:
            empty = (line for line, v in zip(lines, values, strict=True) if v is None)
            work.odd(step.object, f"{name} is required and empty", *empty)


# afterwards


def _derive(work: Loading, spec: Spec) -> None:
    for each in spec.derive:
        target = f"update {quoted(each.object)} set {quoted(each.field)}"
        _sql(work, f"{target} = ({each.sql})", f"derive {each.object}.{each.field}")


def _check(work: Loading, spec: Spec) -> None:
    for each in spec.check:
        ids = (str(row[0]) for row in _sql(work, each.sql, f"check {each.rule!r}"))
        work.odd(each.object, each.rule, *(work.places.get(id_, id_) for id_ in ids))


def _sql(work: Loading, sql: str, where: str) -> list[tuple[object, ...]]:
    try:
        return list(work.store.db.execute(sql).fetchall())
    except sqlite3.Error as error:
        raise ConfigError(f"{where} in the specification does not run: {error}") from error
