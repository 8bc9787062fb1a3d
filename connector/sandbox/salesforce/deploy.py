"""Metadata deploys: a package is queued, and worked on when somebody asks how it goes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from ..clock import stamp
from ..ids import is_id, long_id, numbered
from ..store import Store
from . import components, security
from .api import Answer, Call
from .components import Done
from .errors import Refusal
from .multipart import parts
from .package import MANIFEST, Broken, Component, Package, Problem, read

SCHEMA = """
create table if not exists deploys (
    number integer primary key, id text not null unique, user text not null, options text not null,
    package blob not null, status text not null, asked integer not null default 0,
    created text not null, result text not null default '{}'
);
"""
PREFIX = "0Af"
MODIFY = "ModifyMetadata"
LARGEST = 39 << 20
#: How often somebody who asks is told to wait.
POLLS = 1
OPEN = frozenset({"Pending", "InProgress"})
OPTIONS: Mapping[str, Any] = {
    "allowMissingFiles": False,
    "autoUpdatePackage": False,
    "checkOnly": False,
    "ignoreWarnings": False,
    "performRetrieve": False,
    "purgeOnDelete": False,
    "rollbackOnError": False,
    "runTests": [],
    "singlePackage": False,
    "testLevel": None,
}


class _Undone(Exception):
    """Nothing of a deploy is to stay."""


@dataclass(frozen=True, slots=True)
class Deploy:
    """One deploy as it is kept."""

    id: str
    user: str
    options: Mapping[str, Any]
    package: bytes
    status: str
    asked: int
    created: str
    result: Mapping[str, Any]


# what both interfaces do


def begin(store: Store, user: str, package: bytes, options: Mapping[str, Any]) -> str:
    """Queues a package and tells the id of its deploy."""
    _check_rights(store)
    if len(package) > LARGEST:
        raise Refusal("LIMIT_EXCEEDED", "Maximum size of request reached. Maximum size is 39 MB.")
    known = {key: options.get(key, default) for key, default in OPTIONS.items()}
    with store.transaction() as db:
        (number,) = db.execute("select ifnull(max(number), 0) + 1 from deploys").fetchone()
        id_ = numbered(PREFIX, number)
        db.execute(
            "insert into deploys (number, id, user, options, package, status, created)"
            " values (?, ?, ?, ?, ?, 'Pending', ?)",
            (number, id_, user, orjson.dumps(known), package, stamp(store.clock.now())),
        )
    return id_


def look(store: Store, id_: str) -> dict[str, Any]:
    """How a deploy goes; being asked often enough is what makes it go."""
    _check_rights(store)
    deploy = _found(store, id_)
    if deploy.status in OPEN:
        with store.transaction() as db:
            db.execute(
                "update deploys set asked = asked + 1, status = 'InProgress' where id = ?",
                (deploy.id,),
            )
            if deploy.asked >= POLLS:
                _work(store, deploy)
    return told(store, _found(store, id_))


def cancel(store: Store, id_: str) -> dict[str, Any]:
    """Stops a deploy that is not done."""
    _check_rights(store)
    deploy = _found(store, id_)
    if deploy.status not in OPEN:
        raise Refusal("INVALID_ID_FIELD", "Deployment already completed")
    with store.transaction():
        _keep(store, deploy.id, "Canceled", {"canceledBy": deploy.user, **_times(store)})
    return told(store, _found(store, id_))


def told(store: Store, deploy: Deploy) -> dict[str, Any]:
    """A deploy as both interfaces tell it, details included."""
    row = store.db.execute("select Name from User where Id = ?", (deploy.user,)).fetchone()
    return {
        "id": deploy.id,
        "status": deploy.status,
        "done": deploy.status not in OPEN,
        "success": deploy.status in ("Succeeded", "SucceededPartial"),
        "checkOnly": deploy.options["checkOnly"],
        "ignoreWarnings": deploy.options["ignoreWarnings"],
        "rollbackOnError": deploy.options["rollbackOnError"],
        "runTestsEnabled": False,
        "createdBy": deploy.user,
        "createdByName": row[0] if row else None,
        "createdDate": deploy.created,
        "startDate": deploy.created,
        "lastModifiedDate": deploy.created,
        "numberComponentErrors": 0,
        "numberComponentsDeployed": 0,
        "numberComponentsTotal": 0,
        "numberTestErrors": 0,
        "numberTestsCompleted": 0,
        "numberTestsTotal": 0,
        "details": _details([]),
        **deploy.result,
    }


# the work


def _work(store: Store, deploy: Deploy) -> None:
    messages = _messages(store, deploy)
    bad = [each for each in messages if not each["success"]]
    own = [each for each in messages if each["fullName"] != MANIFEST or not each["success"]]
    kept = not deploy.options["rollbackOnError"]
    status = "Succeeded" if not bad else "SucceededPartial" if kept and len(bad) < len(own) else ""
    result = {
        "numberComponentErrors": len(bad),
        "numberComponentsDeployed": len(own) - len(bad),
        "numberComponentsTotal": len(own),
        "details": _details(messages),
        **_times(store),
    }
    _keep(store, deploy.id, status or "Failed", result)


def _messages(store: Store, deploy: Deploy) -> list[dict[str, Any]]:
    """What became of every component; nothing stays if nothing is to stay."""
    messages: list[dict[str, Any]] = []
    try:
        package = read(deploy.package, missing_allowed=deploy.options["allowMissingFiles"])
    except Broken as broken:
        manifest = Component("", MANIFEST, MANIFEST)
        return [_message(store, manifest, Problem(str(broken), manifest))]
    with suppress(_Undone), store.attempt():
        messages += _applied(store, deploy, package)
        failed = not all(each["success"] for each in messages)
        if deploy.options["checkOnly"] or (failed and deploy.options["rollbackOnError"]):
            raise _Undone
    return messages


def _applied(store: Store, deploy: Deploy, package: Package) -> list[dict[str, Any]]:
    messages = [_message(store, each.component, each) for each in package.problems]
    for component in package.components:
        outcome = _outcome(store, deploy.user, component)
        warned = deploy.options["ignoreWarnings"]
        messages.append(_message(store, component, outcome, warned=warned))
    messages.append(_message(store, Component("", MANIFEST, MANIFEST), Done()))
    return messages


def _outcome(store: Store, user: str, component: Component) -> Done | Problem:
    """What became of one component; a refusal undoes what was begun of it."""
    try:
        with store.attempt():
            return components.apply(store, user, component)
    except Refusal as refusal:
        return Problem(refusal.message, component, component.node.line, component.node.column)


def _message(
    store: Store, component: Component, outcome: Done | Problem, *, warned: bool = False
) -> dict[str, Any]:
    done = outcome if isinstance(outcome, Done) else Done()
    problem = outcome if isinstance(outcome, Problem) else None
    return {
        "changed": done.changed,
        "columnNumber": problem.column if problem else None,
        "componentType": component.type,
        "created": done.created,
        "createdDate": stamp(store.clock.now()),
        "deleted": done.deleted,
        "fileName": component.file,
        "fullName": component.name,
        "id": done.id or None,
        "knownPackagingProblem": False,
        "lineNumber": problem.line if problem else None,
        "problem": problem.text if problem else done.warning or None,
        "problemType": "Error" if problem else "Warning" if done.warning else None,
        "requiresProductionTestRun": False,
        "success": problem is None and (not done.warning or warned),
        "warning": bool(done.warning),
    }


def _details(messages: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "componentFailures": [each for each in messages if not each["success"]],
        "componentSuccesses": [each for each in messages if each["success"]],
        "runTestResult": {"numFailures": 0, "numTestsRun": 0, "totalTime": 0.0},
    }


def _times(store: Store) -> dict[str, str]:
    now = stamp(store.clock.now())
    return {"startDate": now, "completedDate": now, "lastModifiedDate": now}


def _keep(store: Store, id_: str, status: str, result: Mapping[str, Any]) -> None:
    store.db.execute(
        "update deploys set status = ?, result = ? where id = ?",
        (status, orjson.dumps(result).decode(), id_),
    )


def _found(store: Store, id_: str) -> Deploy:
    row = None
    if is_id(id_):
        row = store.db.execute(
            "select id, user, options, package, status, asked, created, result from deploys"
            " where id = ?",
            (long_id(id_),),
        ).fetchone()
    if row is None:
        raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", status=404)
    id_, user, options, package, status, polls, created, result = row
    rest = (package, status, polls, created, orjson.loads(result))
    return Deploy(id_, user, orjson.loads(options), *rest)


def _check_rights(store: Store) -> None:
    security.require(store, MODIFY)
    security.require(store, security.CUSTOMIZE)


# REST


def post(call: Call) -> Answer:
    """Begins a deploy: the options as JSON, the package as zip, in a multipart body."""
    sent = parts(call.body, call.request.headers.get("content-type", ""))
    package, options = sent.get("application/zip"), sent.get("application/json")
    if package is None or options is None:
        said = "Send the deployOptions as application/json and the package as application/zip"
        raise Refusal("INVALID_MULTIPART_REQUEST", said)
    wanted = _options(options)
    id_ = begin(call.store, call.user, package, wanted)
    return Answer({"id": id_, "validatedDeployRequestId": None, **_rest(call.store, id_)}, 201)


def show(call: Call) -> Answer:
    """How a deploy goes."""
    id_ = call.path["id"]
    result = look(call.store, id_)
    if call.query.get("includeDetails", "false").lower() != "true":
        result["details"] = None
    here = f"{call.base}/metadata/deployRequest/{result['id']}"
    return Answer(
        {**_rest(call.store, id_), "id": result["id"], "url": here, "deployResult": result}
    )


def change(call: Call) -> Answer:
    """Cancels a deploy, the only change there is."""
    wanted = call.json().get("deployResult")
    if not isinstance(wanted, dict) or wanted.get("status") != "Canceling":
        raise Refusal("INVALID_OPERATION", "A deploy can only be set to Canceling")
    result = cancel(call.store, call.path["id"])
    return Answer(
        {**_rest(call.store, result["id"]), "id": result["id"], "deployResult": result}, 202
    )


def _rest(store: Store, id_: str) -> dict[str, Any]:
    return {"deployOptions": dict(_found(store, id_).options)}


def _options(body: bytes) -> dict[str, Any]:
    try:
        options = orjson.loads(body)["deployOptions"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise Refusal("JSON_PARSER_ERROR", "deployOptions are missing") from None
    if not isinstance(options, dict):
        raise Refusal("JSON_PARSER_ERROR", "deployOptions must be an object")
    return options
