"""The metadata API as SOAP: an envelope in, an envelope or a fault out."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..store import Store
from . import auth, deploy, limits, metadata_types, security, soap_retrieve
from .api import FIRST_VERSION, LAST_VERSION, unpacked
from .errors import Refusal
from .markup import Node, NotXml, parse, written

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
#: From this version on SOAP takes sessions that are JSON web tokens.
FIRST_JWT_VERSION = 67
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope'
    ' xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    f' xmlns:sf="{NAMESPACE}" xmlns="{NAMESPACE}">'
)


@dataclass(frozen=True, slots=True)
class Ask:
    """One authenticated call: the element that names the operation, and who asks."""

    store: Store
    user: str
    version: str
    body: Node


def routes(store: Store) -> list[Route]:
    """The metadata API's address; clients append the org's id or what they please."""

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(_answered, store, request, body)

    ends = ("", "/", "/{rest:path}")
    return [Route(f"/services/Soap/m/{{version}}{end}", endpoint, methods=["POST"]) for end in ends]


def _answered(store: Store, request: Request, body: bytes) -> Response:
    with store.lock:
        try:
            envelope = _envelope(unpacked(request, body))
            version = request.path_params["version"]
            _check_version(version)
            user = _user(store, envelope, version)
            usage = limits.count_call(store)
            return _said(_done(store, user, version, envelope), usage)
        except Refusal as refusal:
            return _fault(refusal)


def _envelope(body: bytes) -> Node:
    try:
        root = parse(body)
    except NotXml as error:
        raise Refusal("soapenv:Client", f"{error} at line {error.line}") from None
    if root.name != "Envelope" or not (root.first("Body") or Node("")).children:
        raise Refusal("soapenv:Client", "No operation in the body of the envelope")
    return root


def _check_version(version: str) -> None:
    found = re.fullmatch(r"(\d\d)\.0", version)
    if found is None or not FIRST_VERSION <= int(found[1]) <= LAST_VERSION:
        said = f"Invalid Api version specified on URL: {version}"
        raise Refusal("UNSUPPORTED_API_VERSION", said)


def _user(store: Store, envelope: Node, version: str) -> str:
    session = ((envelope.first("Header") or Node("")).first("SessionHeader") or Node("")).said(
        "sessionId"
    )
    web_token = "!" not in session and session.count(".") == 2
    if not web_token or float(version) >= FIRST_JWT_VERSION:
        try:
            return auth.user_of(store, f"Bearer {session}")
        except Refusal as refusal:
            if refusal.code != "INVALID_SESSION_ID":
                raise
    said = "Invalid Session ID found in SessionHeader: Illegal Session. Session not found"
    raise Refusal("INVALID_SESSION_ID", said)


def _done(store: Store, user: str, version: str, envelope: Node) -> str:
    (operation, *_) = (envelope.first("Body") or Node("")).children
    do = OPERATIONS.get(operation.name)
    if do is None:
        said = f"No operation available for request {{{NAMESPACE}}}{operation.name}"
        raise Refusal("soapenv:Client", said)
    result = do(Ask(store, user, version, operation))
    return written(f"{operation.name}Response", {"result": result})


def _said(answer: str, usage: str) -> Response:
    used, most = usage.split("/")
    told = {"limitInfo": {"current": used, "limit": most, "type": "API REQUESTS"}}
    head = written("LimitInfoHeader", told)
    return _xml(
        f"<soapenv:Header>{head}</soapenv:Header><soapenv:Body>{answer}</soapenv:Body>", 200
    )


def _fault(refusal: Refusal) -> Response:
    own = refusal.code.startswith("soapenv:")
    code = refusal.code if own else f"sf:{refusal.code}"
    text = refusal.message if own else f"{refusal.code}: {refusal.message}"
    inside = f"<faultcode>{code}</faultcode><faultstring>{escape(text)}</faultstring>"
    return _xml(
        f'<soapenv:Body><soapenv:Fault xmlns="">{inside}</soapenv:Fault></soapenv:Body>', 500
    )


def _xml(inside: str, status: int) -> Response:
    content = f"{_ENVELOPE}{inside}</soapenv:Envelope>".encode()
    return Response(content, status_code=status, media_type="text/xml")


# operations


def _deploy(ask: Ask) -> dict[str, Any]:
    try:
        package = base64.b64decode(ask.body.said("ZipFile"), validate=False)
    except binascii.Error:
        raise Refusal("INVALID_TYPE", "ZipFile is not base64") from None
    id_ = deploy.begin(ask.store, ask.user, package, _options(ask.body.first("DeployOptions")))
    return {"done": False, "id": id_, "state": "Queued"}


def _options(node: Node | None) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for each in node or ():
        default = deploy.OPTIONS.get(each.name)
        if isinstance(default, bool):
            options[each.name] = each.text.strip().lower() == "true"
        elif isinstance(default, list):
            options.setdefault(each.name, []).append(each.text.strip())
        else:
            options[each.name] = each.text.strip()
    return options


def _check_deploy(ask: Ask) -> dict[str, Any]:
    result = deploy.look(ask.store, ask.body.said("asyncProcessId"))
    if not ask.body.flag("includeDetails"):
        result["details"] = None
    return result


def _cancel_deploy(ask: Ask) -> dict[str, Any]:
    asked = next((each.text.strip() for each in ask.body), "")
    return {"done": True, "id": deploy.cancel(ask.store, asked)["id"]}


def _describe(_: Ask) -> Mapping[str, Any]:
    return metadata_types.described()


def _list(ask: Ask) -> list[dict[str, Any]]:
    asked = [each.said("type") for each in ask.body.every("queries")]
    return [one for each in asked for one in metadata_types.listed(ask.store, each)]


def _read(ask: Ask) -> dict[str, Any]:
    security.require(ask.store, security.MODIFY)
    names = [each.text.strip() for each in ask.body.every("fullNames")]
    return {"records": metadata_types.read(ask.store, ask.body.said("type"), names)}


OPERATIONS: dict[str, Callable[[Ask], Any]] = {
    "deploy": _deploy,
    "checkDeployStatus": _check_deploy,
    "cancelDeploy": _cancel_deploy,
    "describeMetadata": _describe,
    "listMetadata": _list,
    "readMetadata": _read,
    "retrieve": lambda ask: soap_retrieve.begin(ask.store, ask.body),
    "checkRetrieveStatus": lambda ask: soap_retrieve.look(ask.store, ask.body),
}
