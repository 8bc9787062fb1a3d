"""Pipelines of deals and tickets: their stages are ids that say nothing by themselves."""

from __future__ import annotations

from collections.abc import Callable

from .api import Answer, Call
from .errors import not_found
from .kinds import Kind, kind_of
from .stages import Body, all_of, archive


def entries() -> tuple[tuple[str, str, Callable[[Call], Answer]], ...]:
    """The calls of this part."""
    base = "/crm/{v}/pipelines/{type}"
    return (
        ("GET", base, _list),
        ("GET", f"{base}/{{pipeline}}", _get),
        ("GET", f"{base}/{{pipeline}}/stages", _stages),
        ("GET", f"{base}/{{pipeline}}/stages/{{stage}}", _stage),
        ("DELETE", f"{base}/{{pipeline}}", _archive),
        ("DELETE", f"{base}/{{pipeline}}/stages/{{stage}}", _archive),
    )


def _kind(call: Call) -> Kind:
    kind = kind_of(call.path["type"])
    call.need(*kind.reads, *(each.replace("objects", "schemas") for each in kind.reads))
    return kind


def _list(call: Call) -> Answer:
    return Answer({"results": all_of(call.store, _kind(call))})


def _found(call: Call) -> Body:
    for each in all_of(call.store, _kind(call)):
        if each["id"] == call.path["pipeline"]:
            return each
    raise not_found()


def _get(call: Call) -> Answer:
    return Answer(_found(call))


def _stages(call: Call) -> Answer:
    return Answer({"results": _found(call)["stages"]})


def _stage(call: Call) -> Answer:
    for each in _found(call)["stages"]:
        if each["id"] == call.path["stage"]:
            return Answer(each)
    raise not_found()


def _archive(call: Call) -> Answer:
    kind = _kind(call)
    call.need(*kind.writes)
    if not archive(call.store, kind, call.path["pipeline"], call.path.get("stage", "")):
        raise not_found()
    return Answer(status=204)
