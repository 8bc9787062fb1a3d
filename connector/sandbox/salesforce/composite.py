"""Many requests in one: composite, batch and graph."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

import orjson
from starlette.convertors import Convertor
from starlette.requests import Request
from starlette.routing import compile_path

from . import automations, limits
from .api import Answer, Call, Handler
from .composite_body import Part, batch_parts, composite_parts, graph_parts
from .errors import Refusal, not_found

HALTED = Refusal(
    "PROCESSING_HALTED",
    "The transaction was rolled back since another operation in the same transaction failed.",
)
BATCH_HALTED = (
    "Batch processing halted by request configuration. The request to {} was not processed"
)
#: A request goes on until more graphs than these have failed.
MOST_FAILED = 14
COLLECTIONS = "/composite/sobjects"
COMPOSITE = ("/sobjects", "/query", "/queryAll", COLLECTIONS)
BATCH = ("/sobjects", "/query", "/queryAll", "/limits")
GRAPH = ("/sobjects",)
_REFERENCE = re.compile(r"@\{(\w+)((?:\[\d+\]|\.\w+)*)\}")
_STEP = re.compile(r"\[(\d+)\]|\.(\w+)")
_ADDRESS = re.compile(
    r"/?(?:services/data/)?(?P<version>v\d\d\.0)(?P<path>/[^?]*)(?:\?(?P<query>.*))?"
)
#: What is left as it is in an address that was written by hand.
_PLAIN = "%=&+'(),:;/@!*$~?"

Table = Sequence[tuple[str, str, Handler]]
Result = dict[str, Any]


def calls(table: Table) -> tuple[tuple[str, str, Handler], ...]:
    """The calls that hold others, which `table` answers."""
    inside = {kind: Resources(table, kind) for kind in (COMPOSITE, BATCH, GRAPH)}
    return (
        ("POST", "/composite", lambda call: _composite(call, inside[COMPOSITE])),
        ("POST", "/composite/batch", lambda call: _batch(call, inside[BATCH])),
        ("POST", "/composite/graph", lambda call: _graphs(call, inside[GRAPH])),
    )


class Resources:
    """Finds what answers an address that is given inside a request."""

    def __init__(self, table: Table, allowed: Sequence[str]) -> None:
        self._known: list[tuple[str, re.Pattern[str], Mapping[str, Convertor[Any]], Handler]] = []
        for method, path, handler in table:
            if path.startswith(tuple(allowed)):
                pattern, _, kinds = compile_path(path)
                self._known.append((method, pattern, kinds, handler))

    def answer(self, call: Call, part: Part) -> Answer:
        """The answer to one part; what it wrote is taken back if it fails."""
        found = _ADDRESS.fullmatch(part.url)
        store = call.store
        store.db.execute("savepoint part")
        try:
            if found is None:
                raise not_found()
            handler, inner = self._found(call, part, found)
            # a part has the headers that it names, and none of the whole
            with automations.asked_by(inner.request.headers):
                return handler(inner)
        except Refusal as refusal:
            store.db.execute("rollback to part")
            return Answer(refusal.body(), refusal.status)
        finally:
            store.db.execute("release part")

    def _found(self, call: Call, part: Part, address: re.Match[str]) -> tuple[Handler, Call]:
        path = unquote(address["path"]).rstrip("/")
        for method, pattern, kinds, handler in self._known:
            if method == part.method and (match := pattern.match(path)):
                params = {key: kinds[key].convert(each) for key, each in match.groupdict().items()}
                return handler, _inner(call, part, address, params)
        raise not_found()


def _inner(call: Call, part: Part, address: re.Match[str], params: Mapping[str, Any]) -> Call:
    """The part as a call of its own, by the same user."""
    scope = {
        "type": "http",
        "method": part.method,
        "path": address["path"],
        "raw_path": quote(address["path"], safe=_PLAIN).encode(),
        "query_string": quote(address["query"] or "", safe=_PLAIN).encode(),
        "headers": [(name.lower().encode(), text.encode()) for name, text in part.headers.items()],
        "path_params": {**params, "version": address["version"]},
    }
    body = b"" if part.body is None else orjson.dumps(part.body)
    return Call(call.store, Request(scope), body, call.user)


# composite and graph


def _composite(call: Call, inside: Resources) -> Answer:
    body = call.json()
    parts = composite_parts(body)
    if isinstance(parts, Refusal):
        refused = {"body": parts.body(), "httpHeaders": {}, "httpStatusCode": 400}
        return Answer({"compositeResponse": [{**refused, "referenceId": None}]}, 400)
    results, _ = _run(call, inside, parts, together=body.get("allOrNone") is True)
    return Answer({"compositeResponse": results})


def _graphs(call: Call, inside: Resources) -> Answer:
    graphs, failed = [], 0
    for graph_id, parts in graph_parts(call.json()):
        if failed > MOST_FAILED:
            results, good = [_halted(each) for each in parts], False
        else:
            results, good = _run(call, inside, parts, together=True)
        failed += not good
        graphs.append(
            {
                "graphId": graph_id,
                "graphResponse": {"compositeResponse": results},
                "isSuccessful": good,
            }
        )
    return Answer({"graphs": graphs})


def _run(
    call: Call, inside: Resources, parts: Sequence[Part], *, together: bool
) -> tuple[list[Result], bool]:
    """Answers part after part; `together` takes all back when one fails."""
    answers: dict[str, Answer] = {}
    with call.store.transaction() as db:
        db.execute("savepoint parts")
        for part in parts:
            answers[part.reference] = _answered(call, inside, part, answers, together)
            if together and _failed(answers[part.reference]):
                db.execute("rollback to parts")
                bad = part.reference
                db.execute("release parts")
                told = [_told(each, answers[bad]) if each.reference == bad else _halted(each)
                        for each in parts]  # fmt: skip
                return told, False
        db.execute("release parts")
    return [_told(each, answers[each.reference]) for each in parts], True


def _answered(
    call: Call, inside: Resources, part: Part, before: Mapping[str, Answer], together: bool
) -> Answer:
    try:
        part = _resolved(part, before)
    except Refusal as refusal:
        return Answer(refusal.body(), refusal.status)
    return inside.answer(call, _united(part) if together else part)


def _united(part: Part) -> Part:
    """All or nothing of the whole holds for the rows of a collection too."""
    if COLLECTIONS not in part.url:
        return part
    if part.method == "DELETE":
        address, _, asked = part.url.partition("?")
        # the last of two wins
        return replace(part, url=f"{address}?{asked}&allOrNone=true")
    if not isinstance(part.body, dict):
        return part
    return replace(part, body={**part.body, "allOrNone": True})


def _failed(answer: Answer) -> bool:
    rows = answer.body if isinstance(answer.body, list) else []
    bad = any(isinstance(each, dict) and each.get("success") is False for each in rows)
    return answer.status >= 400 or bad


def _told(part: Part, answer: Answer) -> Result:
    return {
        "body": answer.body,
        "httpHeaders": dict(answer.headers),
        "httpStatusCode": answer.status,
        "referenceId": part.reference,
    }


def _halted(part: Part) -> Result:
    return _told(part, Answer(HALTED.body(), HALTED.status))


def _resolved(part: Part, before: Mapping[str, Answer]) -> Part:
    """The part with what earlier answers held in place of its references."""

    def value(found: re.Match[str]) -> Any:
        name, steps = found[1], found[2]
        answer = before.get(name)
        held = answer.body if answer and answer.status < 400 else None
        for index, key in _STEP.findall(steps):
            held = _step(held, key if key else int(index))
        if held is None or isinstance(held, dict | list):
            said = f"Invalid reference specified. No value for {name}{steps} found in {name}"
            raise Refusal("PROCESSING_HALTED", said)
        return held

    url = _REFERENCE.sub(lambda found: quote(str(value(found)), safe=""), part.url)
    return replace(part, url=url, body=_filled(part.body, value))


def _step(held: Any, key: str | int) -> Any:
    if isinstance(key, int):
        return held[key] if isinstance(held, list) and key < len(held) else None
    return held.get(key) if isinstance(held, dict) else None


def _filled(body: Any, value: Callable[[re.Match[str]], Any]) -> Any:
    if isinstance(body, dict):
        return {key: _filled(each, value) for key, each in body.items()}
    if isinstance(body, list):
        return [_filled(each, value) for each in body]
    if not isinstance(body, str):
        return body
    whole = _REFERENCE.fullmatch(body)
    return value(whole) if whole else _REFERENCE.sub(lambda each: str(value(each)), body)


# batch


def _batch(call: Call, inside: Resources) -> Answer:
    """Answers each part on its own; each is a call like any other."""
    body = call.json()
    results: list[Result] = []
    parts: Iterable[Part] = batch_parts(body)
    for place, part in enumerate(parts):
        if body.get("haltOnError") is True and any(each["statusCode"] >= 400 for each in results):
            results.append(_not_run(part))
            continue
        answer = _counted(call, inside, part, first=place == 0)
        results.append({"statusCode": answer.status, "result": answer.body})
    bad = any(each["statusCode"] >= 400 for each in results)
    return Answer({"hasErrors": bad, "results": results})


def _counted(call: Call, inside: Resources, part: Part, *, first: bool) -> Answer:
    with call.store.transaction():
        try:
            if not first:
                limits.count_call(call.store)
        except Refusal as refusal:
            return Answer(refusal.body(), refusal.status)
        return inside.answer(call, part)


def _not_run(part: Part) -> Result:
    refusal = Refusal("BATCH_PROCESSING_HALTED", BATCH_HALTED.format(part.url))
    return {"statusCode": 412, "result": refusal.body()}
