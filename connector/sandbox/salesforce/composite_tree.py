"""New records with their children, all in one request or none of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .api import Answer, Call
from .describe import named
from .errors import Refusal
from .relations import children
from .soql_names import ignoring_case
from .writes import Writer

MOST_RECORDS, MOST_LEVELS, MOST_KINDS = 200, 5, 5
_NAME = re.compile(r"[A-Za-z0-9]\w*")


@dataclass(frozen=True, slots=True)
class Node:
    """One record to make, under the reference of its parent if it has one."""

    object: str
    reference: str
    values: dict[str, Any]
    link: str = ""
    parent: str = ""


def create(call: Call) -> Answer:
    """Makes every record of the trees; names those that could not be made."""
    nodes = list(_flat(call, named(call).name, call.json().get("records"), 1))
    _check(nodes)
    writer = Writer(call.store, call.access, call.user)
    made: dict[str, str] = {}
    wrong: list[dict[str, Any]] = []
    with call.store.transaction() as db:
        db.execute("savepoint tree")
        for node in nodes:
            if node.parent in made or not node.parent:
                _make(writer, node, made, wrong)
        if wrong:
            db.execute("rollback to tree")
        db.execute("release tree")
    if wrong:
        return Answer({"hasErrors": True, "results": wrong}, 400)
    results = [{"referenceId": name, "id": id_} for name, id_ in made.items()]
    return Answer({"hasErrors": False, "results": results}, 201)


def _make(writer: Writer, node: Node, made: dict[str, str], wrong: list[dict[str, Any]]) -> None:
    above = {node.link: made[node.parent]} if node.parent else {}
    db = writer.store.db
    db.execute("savepoint node")
    try:
        made[node.reference] = writer.create(node.object, {**node.values, **above})
    except Refusal as refusal:
        db.execute("rollback to node")
        wrong.append({"referenceId": node.reference, "errors": [refusal.row()]})
    finally:
        db.execute("release node")


def _flat(call: Call, name: str, rows: Any, level: int, parent: str = "", link: str = "") \
        -> Iterator[Node]:  # fmt: skip
    """The records of a tree, parents first."""
    if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
        raise Refusal("JSON_PARSER_ERROR", "records must be a list of sObjects")
    if level > MOST_LEVELS:
        raise Refusal("LIMIT_EXCEEDED", f"A tree has at most {MOST_LEVELS} levels")
    below = children(call.access.catalogue, name)
    for row in rows:
        reference = (row.get("attributes") or {}).get("referenceId")
        if not isinstance(reference, str) or not _NAME.fullmatch(reference):
            said = "Include a reference ID for each record in the request."
            raise Refusal("INVALID_INPUT", said)
        nested = {key: each for key, each in row.items() if isinstance(each, dict)}
        values = {key: each for key, each in row.items() if key not in nested}
        yield Node(name, reference, values, link, parent)
        for key, each in nested.items():
            if key == "attributes":
                continue
            if (relation := ignoring_case(below, key)) is None:
                said = f"No such column '{key}' on sobject of type {name}"
                raise Refusal("INVALID_FIELD", said)
            child, field = relation
            yield from _flat(call, child, each.get("records"), level + 1, reference, field.name)


def _check(nodes: list[Node]) -> None:
    if len(nodes) > MOST_RECORDS:
        said = (
            f"record limit reached. cannot submit more than {MOST_RECORDS} records into this call"
        )
        raise Refusal("EXCEEDED_ID_LIMIT", said)
    if len({each.reference for each in nodes}) < len(nodes):
        raise Refusal("INVALID_INPUT", "Duplicate ReferenceId provided in the request.")
    if len({each.object for each in nodes}) > MOST_KINDS:
        raise Refusal("LIMIT_EXCEEDED", f"A tree has at most {MOST_KINDS} types of objects")
