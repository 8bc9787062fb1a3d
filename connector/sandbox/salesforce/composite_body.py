"""What a request that holds others must look like."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from .errors import Refusal

MOST_PARTS, MOST_LARGE, MOST_GRAPHS, MOST_NODES = 25, 5, 75, 500
DEEPEST, MOST_KINDS = 15, 15
_TOO_MANY = "The request can\N{RIGHT SINGLE QUOTATION MARK}t contain more than"
_LARGE = re.compile(r"/(query|queryAll|composite/sobjects)(/|\?|$)")
_NAME = re.compile(r"[A-Za-z0-9]\w*")
_REFERENCE = re.compile(r"@\{(\w+)")
_KIND = re.compile(r"/?(?:services/data/)?(v[\d.]+)/sobjects/(\w+)")
METHODS = ("GET", "POST", "PATCH", "DELETE", "PUT", "HEAD")


@dataclass(frozen=True, slots=True)
class Part:
    """One request inside another."""

    method: str
    url: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    reference: str = ""


def composite_parts(body: Mapping[str, Any]) -> list[Part] | Refusal:
    """The parts of a composite request; a refusal if there are too many of them."""
    parts = _referenced(body.get("compositeRequest"), "compositeRequest")
    if len(parts) > MOST_PARTS:
        return Refusal("LIMIT_EXCEEDED", f"{_TOO_MANY} {MOST_PARTS} operations.")
    if sum(1 for each in parts if _LARGE.search(each.url)) > MOST_LARGE:
        said = f"{_TOO_MANY} {MOST_LARGE} query and sObject collection operations."
        return Refusal("LIMIT_EXCEEDED", said)
    return parts


def graph_parts(body: Mapping[str, Any]) -> list[tuple[str, list[Part]]]:
    """The graphs of a request by id, each with its parts."""
    graphs = _listed(body.get("graphs"), "graphs")
    if len(graphs) > MOST_GRAPHS:
        raise Refusal("LIMIT_EXCEEDED", f"The limit of {MOST_GRAPHS} graphs has been exceeded.")
    found = [
        (str(each.get("graphId", "")), _referenced(each.get("compositeRequest"), "graphs"))
        for each in graphs
    ]
    if len({name for name, _ in found}) < len(found):
        raise Refusal("INVALID_INPUT", "Each graphId must be there, and there only once.")
    if sum(len(parts) for _, parts in found) > MOST_NODES:
        raise Refusal("LIMIT_EXCEEDED", f"The limit of {MOST_NODES} nodes has been exceeded.")
    _check_shape(found)
    return found


def _check_shape(graphs: Sequence[tuple[str, Sequence[Part]]]) -> None:
    """Refuses a graph that is too deep, and nodes of too many kinds in all of them together."""
    for name, parts in graphs:
        if _depth(parts) > DEEPEST:
            said = f"The limit of {DEEPEST} for the depth of a graph has been exceeded: {name}"
            raise Refusal("LIMIT_EXCEEDED", said)
    every = [each for _, parts in graphs for each in parts]
    # nodes are of one kind if version, method and object are the same
    kinds = {
        (each.method, found[1], found[2].lower())
        for each in every
        if (found := _KIND.match(each.url))
    }
    if len(kinds) > MOST_KINDS:
        said = f"The limit of {MOST_KINDS} different nodes has been exceeded."
        raise Refusal("LIMIT_EXCEEDED", said)


def _depth(parts: Sequence[Part]) -> int:
    """The most nodes in a row of which each refers to the one before."""
    depth: dict[str, int] = {}
    for each in parts:
        said = each.url + orjson.dumps(each.body).decode()
        before = (depth.get(name, 0) for name in _REFERENCE.findall(said))
        depth[each.reference] = 1 + max(before, default=0)
    return max(depth.values(), default=0)


def batch_parts(body: Mapping[str, Any]) -> list[Part]:
    """The parts of a batch."""
    rows = _listed(body.get("batchRequests"), "batchRequests")
    if len(rows) > MOST_PARTS:
        said = f"Number of requests {len(rows)} exceeds the limit of {MOST_PARTS}"
        raise Refusal("LIMIT_EXCEEDED", said)
    return [_part(each, each.get("richInput")) for each in rows]


def _referenced(rows: Any, name: str) -> list[Part]:
    """Parts that others can refer to, so each has a name of its own."""
    parts = [_part(each, each.get("body")) for each in _listed(rows, name)]
    for each in parts:
        if not _NAME.fullmatch(each.reference):
            raise Refusal(
                "INVALID_INPUT",
                f"Provided referenceId ('{each.reference}') must start with a letter or a number,"
                " and it can contain only letters, numbers and underscores ('_').",
            )
    if len({each.reference for each in parts}) < len(parts):
        raise Refusal("INVALID_INPUT", "Each referenceId must be there only once.")
    return parts


def _part(row: Mapping[str, Any], body: Any) -> Part:
    method, url = row.get("method"), row.get("url")
    if not isinstance(method, str) or method.upper() not in METHODS or not isinstance(url, str):
        raise Refusal("JSON_PARSER_ERROR", "Every request needs a method and a url")
    headers = row.get("httpHeaders") or {}
    if not isinstance(headers, dict):
        raise Refusal("JSON_PARSER_ERROR", "httpHeaders must be an object")
    reference = row.get("referenceId")
    named = reference if isinstance(reference, str) else ""
    return Part(method.upper(), url, body, {key: str(headers[key]) for key in headers}, named)


def _listed(rows: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
        raise Refusal("JSON_PARSER_ERROR", f"{name} must be a list of objects")
    return rows
