"""A feed: what is asked of a platform for one stream, and what its records become.

Pages go to disk as they come, one record a line. The engine reads them by column: each column of
the stream is SQL over the fields of a record, which are texts named by their path (`person.email`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from ..errors import Malformed
from ..mapping import expressions
from ..mapping.casts import text
from ..mapping.expressions import flattened, identifier
from ..protocols import Progress, Spool
from ..records import FLAG, MOMENT, STREAMS
from .line import Line
from .paging import Page, Paging, Single, Step, at, count

#: What a source may say of a record besides the columns of its stream.
ALSO: Mapping[str, str] = {"modified_at": MOMENT, "deleted": FLAG}
#: Why a record is listed and left out.
ODD = "odd"
#: Names of an answer that a message tells.
MANY = 8
#: One record never has so many bytes.
LARGEST = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Feed:
    """What is asked, and what comes of it.

    `columns`: column of the stream = SQL over the fields of a record. `records` is where they stand
    in an answer, `total` where it says how many there are in all. `odd`: rule = SQL; a record for
    which it holds is listed under this rule and left out. `given` goes with every record: what the
    request knew and the record does not say. `dress` is what becomes of the records of a page
    before they are kept: whom they refer to is looked up, what is no record of ours is left out.
    """

    columns: Mapping[str, str]
    path: str
    records: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: Mapping[str, Any] = field(default_factory=dict)
    paging: Paging = field(default_factory=Single)
    total: str = ""
    odd: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    dress: Callable[[Sequence[Any]], Sequence[Any]] | None = None


@dataclass(frozen=True, slots=True)
class Got:
    """Records on disk: how many they are, and how many the platform said there would be."""

    file: Path
    rows: int
    promised: int | None = None


def fetch(
    line: Line, feeds: Iterable[Feed], stream: str, into: Path, progress: Progress | None = None
) -> Spool:
    """Everything that some feeds bring for one stream. Columns and rules are those of the first."""
    into.mkdir(parents=True, exist_ok=True)
    before, got, shape = sum(line.calls.values()), list[Got](), None
    for number, feed in enumerate(feeds):
        shape = shape or feed
        got.append(take(line, feed, into / f"{number:05}.ndjson", progress))
    calls = sum(line.calls.values()) - before
    rows = sum(each.rows for each in got)
    if shape is None or not rows:
        return Spool("", 0, calls=calls)
    relation = read([each.file for each in got if each.rows], stream, shape)
    return Spool(relation, rows, calls=calls)


def take(line: Line, feed: Feed, file: Path, progress: Progress | None = None) -> Got:
    """Fetch every page of a feed into one file; fewer records than the first page promised are an
    error."""
    rows, kept, promised = 0, 0, None
    with file.open("wb") as out:
        for each in feed.paging.pages(lambda step: page(line, feed, step)):
            if progress:
                progress.pause(0)
            dressed = feed.dress(each.records) if feed.dress else each.records
            out.writelines(lines(dressed, feed.given, line.name))
            rows, kept = rows + len(each.records), kept + len(dressed)
            promised = count(each.body, feed.total) if promised is None else promised
    if promised is not None and rows < promised:
        raise Malformed(
            f"{line.name} promised {promised} records of {feed.path} and sent {rows}.",
            hint="Run again; the watermark has not moved.",
        )
    return Got(file, kept, promised)


def together(spools: Iterable[Spool]) -> Spool:
    """Several kinds of records that feed one stream, each with columns of its own."""
    spools = list(spools)
    full = [each for each in spools if each.rows]
    parts = " UNION ALL BY NAME ".join(f"SELECT * FROM {each.relation}" for each in full)
    rows, calls = sum(each.rows for each in full), sum(each.calls for each in spools)
    return Spool(f"({parts})" if full else "", rows, calls=calls)


def records(line: Line, feed: Feed) -> Iterator[Any]:
    """The records of a short list, one by one: surveys, questions, whatever leads to others."""
    for each in feed.paging.pages(lambda step: page(line, feed, step)):
        yield from each.records


def lines(
    records: Iterable[Any], given: Mapping[str, str], name: str = "The platform"
) -> list[bytes]:
    """Records as lines of JSON, with what is given for all of them."""
    records = records if isinstance(records, list) else list(records)
    if not set(map(type, records)) <= {dict}:
        raise Malformed(
            f"{name} sent a record that is not an object.",
            hint="Run again; the watermark has not moved. Is `records` the right place?",
        )
    dumps, option = orjson.dumps, orjson.OPT_APPEND_NEWLINE
    if given:
        return [dumps({**record, **given}, option=option) for record in records]
    return [dumps(record, option=option) for record in records]


def read(files: Sequence[Path], stream: str, feed: Feed) -> str:
    """Lines of JSON as a table with the columns of a stream, `unread` and `odd`."""
    kinds, paths = {**STREAMS[stream].columns, **ALSO}, _paths(feed)
    texts = dict.fromkeys(paths, "VARCHAR")
    picked, lost = [], []
    for column, sql in feed.columns.items():
        value = f"TRY({flattened(sql)})"
        picked.append(f"TRY_CAST({value} AS {kinds[column]}) AS {identifier(column)}")
        if kinds[column] not in ("VARCHAR", expressions.type_of(sql, texts)):
            failed = f"{value} IS NOT NULL AND TRY_CAST({value} AS {kinds[column]}) IS NULL"
            lost.append(f"CASE WHEN {failed} THEN '{column} ' ELSE '' END")
    rules = " ".join(
        f"WHEN TRY({flattened(sql)}) THEN {text(rule)}" for rule, sql in feed.odd.items()
    )
    picked.append(f"nullif(trim({' || '.join(lost) or text('')}), '') AS unread")
    picked.append(f"{f'CASE {rules} END' if rules else 'CAST(NULL AS VARCHAR)'} AS {ODD}")
    return f"(SELECT {', '.join(picked)} FROM {_flat(files, paths)})"


def _paths(feed: Feed) -> list[str]:
    """The fields that a feed reads, in the order in which they first stand."""
    found = [
        path
        for sql in (*feed.columns.values(), *feed.odd.values())
        for path in expressions.paths(expressions.parse(sql))
    ]
    return list(dict.fromkeys(found))


def _flat(files: Sequence[Path], paths: Sequence[str]) -> str:
    """Lines of JSON with one text column for each path; empty is NULL.

    What lies inside is taken out of its JSON, not declared: a record of another shape than its
    neighbours then has nothing there, and takes none of them with it.
    """
    inner = {path.split(".")[0] for path in paths if "." in path}
    names = list(dict.fromkeys(path.split(".")[0] for path in paths)) or ["id"]
    columns = ", ".join(
        f"{text(name)}: '{'JSON' if name in inner else 'VARCHAR'}'" for name in names
    )
    listed = ", ".join(text(str(file)) for file in files)
    flat = ", ".join(f"nullif({_taken(path, inner)}, '') AS {identifier(path)}" for path in paths)
    return (
        f"(SELECT {flat or '1'} FROM read_json([{listed}], format = 'newline_delimited', "
        f"columns = {{{columns}}}, maximum_object_size = {LARGEST}))"
    )


def _taken(path: str, inner: Set[str]) -> str:
    """A field as text."""
    name, *steps = path.split(".")
    if name not in inner:
        return identifier(name)
    where = "$" + "".join(f'."{step}"' for step in steps)
    return f"json_extract_string({identifier(name)}, {text(where)})"


def page(line: Line, feed: Feed, step: Step) -> Page:
    """One request and the records in its answer."""
    body = {**feed.body, **step.body} if feed.method != "GET" else None
    # An address that the platform gave carries its own query.
    query = step.query if step.path else {**feed.query, **step.query}
    reply = line.raw(step.path or feed.path, query, method=feed.method, body=body)
    try:
        told = orjson.loads(reply.content)
    except orjson.JSONDecodeError as error:
        raise Malformed(
            f"{line.name} answered {feed.path} with what is not JSON.",
            hint="Run again; the watermark has not moved. Is `url` right?",
        ) from error
    records = at(told, feed.records) if feed.records else told
    if not isinstance(records, list):
        raise Malformed(
            f"{line.name} sent no list of records to {feed.path}{_where(feed)}.",
            hint=f"Run again; the watermark has not moved. Is `url` right? {_shape(told)}",
        )
    return Page(records, told, reply)


def _where(feed: Feed) -> str:
    return f" at `{feed.records}`" if feed.records else ""


def _shape(told: Any) -> str:
    """What an answer is made of, by names alone."""
    if isinstance(told, dict):
        return f"The answer has {', '.join(map(repr, list(told)[:MANY])) or 'nothing in it'}."
    return "The answer is itself a list." if isinstance(told, list) else "The answer is a value."
