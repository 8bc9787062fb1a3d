"""Labels, help texts and values in the other language, as the Translation Workbench keeps them.

The Workbench may be off in an org, or without the language. Then nothing can be translated, and
nothing else is held up by it: it is said, and the fields keep their own labels for everybody.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from time import sleep
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from ...errors import ConnectorError, RemoteError
from ...mapping.objects import Field
from . import metadata as shapes
from .client import Client
from .markup import NAMESPACE, written

LANGUAGE, SPOKEN = "de", "German"
OFF = (
    f"{SPOKEN} labels are left out: the Translation Workbench is off, or closed to this user. "
    f"Switch it on in Setup → Translation Language Settings, add {SPOKEN}, and run this again."
)
#: SOAP, which alone tells what the Workbench holds, takes web tokens from this version on.
FIRST_JWT_VERSION = 67.0
NO_SOAP = (
    f"{SPOKEN} labels are left out: this org gives out JWT access tokens, which SOAP takes from "
    f"api_version {FIRST_JWT_VERSION} on. Set `api_version` to that, or let the app issue opaque "
    "tokens, and run this again."
)
#: How long a deploy is waited for, and how long between two looks.
PATIENCE, FIRST_WAIT, LONGEST_WAIT = 120.0, 0.1, 5.0
_DEPLOY = "metadata/deployRequest"
#: Everything or nothing, and no tests: labels run no code.
_OPTIONS = {"rollbackOnError": True, "singlePackage": True, "testLevel": "NoTestRun"}

#: What a field is called and how it is explained: `name, label, help, picklistValues`.
Words = Mapping[str, Any]


def words(field: Field) -> dict[str, Any]:
    """The texts of a field in the other language; empty when there are none.

    Where nothing but German is given, that is the field's own label and needs no translation.
    """
    told: dict[str, Any] = {}
    if field.label.get(LANGUAGE) and field.label.get("en"):
        told["label"] = shapes.label(field, LANGUAGE)
    if (text := field.help.get(LANGUAGE)) and field.help.get("en"):
        told["help"] = shapes.cut(text, shapes.LONGEST_HELP)
    if values := [_value(field, each) for each in field.values if _said(field, each)]:
        told["picklistValues"] = values
    return {"name": field.target, **told} if told else {}


def _said(field: Field, value: str) -> str:
    return field.value_labels.get(value, {}).get(LANGUAGE, "")


def _value(field: Field, value: str) -> dict[str, str]:
    """A value is known by its label in the org's own language."""
    label = shapes.value_label(field, value)
    text = shapes.cut(_said(field, value), shapes.LONGEST_VALUE)
    return {"masterLabel": label, "translation": text}


def lacking(client: Client, object: str, fields: Iterable[Field]) -> dict[str, Words] | None:
    """The texts that the org does not have yet, by field; None when it keeps none for us."""
    wanted = {field.target: told for field in fields if (told := words(field))}
    if not wanted:
        return {}
    have = _kept(client, object)
    if have is None:
        return None
    return {name: told for name, told in wanted.items() if not _covers(have.get(name, {}), told)}


def why_none(client: Client) -> str:
    """Why an org keeps no texts for us."""
    return NO_SOAP if _is_refused(client) else OFF


def _is_refused(client: Client) -> bool:
    """Whether SOAP would not take our token, and so says nothing of the Workbench."""
    token = _token(client)
    is_jwt = "!" not in token and token.count(".") == 2
    return is_jwt and float(client.version) < FIRST_JWT_VERSION


def _token(client: Client) -> str:
    held = client.session.credentials
    return held.header().removeprefix("Bearer ") if held else ""


def deploy(client: Client, object: str, told: Iterable[Words]) -> str:
    """Send texts and wait for the end; empty when they are in the org, else what it said."""
    options = json.dumps({"deployOptions": _OPTIONS}).encode()
    parts = {
        "json": (None, options, "application/json"),
        "file": ("deploy.zip", _package(client, object, list(told)), "application/zip"),
    }
    try:
        begun = client.json("POST", _DEPLOY, "to deploy translations", files=parts)
        result = _ended(client, str(begun["id"]))
    except RemoteError as error:
        return error.message
    if result["success"]:
        return ""
    failed = result["details"]["componentFailures"]
    return "; ".join(dict.fromkeys(str(each["problem"]) for each in failed)) or result["status"]


def _ended(client: Client, id: str) -> dict[str, Any]:
    """The result of a deploy once it is done."""
    waited, wait = 0.0, FIRST_WAIT
    while waited < PATIENCE:
        path = f"{_DEPLOY}/{id}?includeDetails=true"
        result = client.json("GET", path, "to look after a deploy")["deployResult"]
        if result["done"]:
            return dict(result)
        sleep(wait)
        waited, wait = waited + wait, min(wait * 2, LONGEST_WAIT)
    raise RemoteError(
        f"Salesforce has not ended the deploy {id} within {PATIENCE:.0f} seconds.",
        hint="Setup → Deployment Status tells how it stands; run again when it has ended.",
    )


def _package(client: Client, object: str, told: list[Words]) -> bytes:
    """A package with one file: deploying it leaves the texts of other fields alone."""
    name = f"{object}-{LANGUAGE}"
    types = {"members": name, "name": "CustomObjectTranslation"}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        manifest = written("Package", {"types": types, "version": client.version})
        archive.writestr("package.xml", manifest)
        content = written("CustomObjectTranslation", {"fields": [dict(each) for each in told]})
        archive.writestr(f"objectTranslations/{name}.objectTranslation", content)
    return packed.getvalue()


def _covers(have: Words, wanted: Words) -> bool:
    """Whether what is there says all that is wanted; it may say more."""
    values = {each["masterLabel"]: each["translation"] for each in have.get("picklistValues", ())}
    return all(have.get(key) == wanted[key] for key in ("label", "help") if key in wanted) and all(
        values.get(each["masterLabel"]) == each["translation"]
        for each in wanted.get("picklistValues", ())
    )


# what the org has: REST does not tell, so this one question is asked in SOAP


def _kept(client: Client, object: str) -> dict[str, Words] | None:
    if _is_refused(client):
        return None
    session, token = client.session, _token(client)
    body = _ENVELOPE.format(token=escape(token), name=escape(f"{object}-{LANGUAGE}"))
    try:
        answer = session.request(
            "POST",
            f"services/Soap/m/{client.version}",
            data=body.encode(),
            headers={"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": "readMetadata"},
        )
    except RemoteError as error:
        # a fault, such as that the Workbench is off, comes as status 500
        if (error.status or 0) >= 500:
            return None
        raise
    if answer.status_code >= 400:
        return None
    return {each["name"]: each for each in _fields(answer.content)}


def _fields(content: bytes) -> Iterator[dict[str, Any]]:
    """The translated fields of an answer."""
    try:
        root = ET.fromstring(content)  # noqa: S314 - from the org itself, over its own connection
    except ET.ParseError as error:
        raise ConnectorError("Salesforce answered with something that is no XML.") from error
    for record in root.iter(f"{{{NAMESPACE}}}records"):
        for each in record.findall(f"{{{NAMESPACE}}}fields"):
            found: dict[str, Any] = {key: _text(each, key) for key in ("name", "label", "help")}
            values = each.findall(f"{{{NAMESPACE}}}picklistValues")
            found["picklistValues"] = [
                {key: _text(value, key) for key in ("masterLabel", "translation")}
                for value in values
            ]
            yield found


def _text(element: ET.Element, name: str) -> str:
    return element.findtext(f"{{{NAMESPACE}}}{name}", default="")


_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/">'
    f'<e:Header><SessionHeader xmlns="{NAMESPACE}"><sessionId>{{token}}</sessionId>'
    f'</SessionHeader></e:Header><e:Body><readMetadata xmlns="{NAMESPACE}">'
    "<type>CustomObjectTranslation</type><fullNames>{name}</fullNames></readMetadata></e:Body>"
    "</e:Envelope>"
)
