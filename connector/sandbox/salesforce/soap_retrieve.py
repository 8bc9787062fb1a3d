"""Metadata that is fetched: asked for by type and name, and given as a zip once it is ready."""

from __future__ import annotations

import io
import zipfile
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..ids import numbered
from ..store import Store
from . import metadata_types, security
from .errors import Refusal
from .markup import Node, written
from .package import MANIFEST, TYPES

PREFIX = "09S"
#: Looks that find a retrieve in progress.
POLLS = 1
MOST = 10_000
NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
#: What has a content here; other types are known by name alone.
READABLE = ("CustomField", "CustomObject", "PermissionSet")
ROOT = "unpackaged/"

Wanted = Mapping[str, Sequence[str]]


@dataclass(slots=True)
class Retrieve:
    """What was asked for, how often it was looked at, and whether the zip was fetched."""

    id: str
    wanted: Wanted
    version: str
    singly: bool
    asked: int = 0
    fetched: bool = False


@dataclass(slots=True)
class Found:
    """Files by name, what is told of each component, and what was not found."""

    files: dict[str, str] = field(default_factory=dict)
    properties: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, str]] = field(default_factory=list)


def begin(store: Store, operation: Node) -> dict[str, Any]:
    """Takes a request, under whichever name it is sent, and tells the id it goes by."""
    security.require(store, security.MODIFY)
    request = next(iter(operation), Node(""))
    package = request.first("unpackaged") or Node("")
    wanted = {
        each.said("name"): [member.text.strip() for member in each.every("members")]
        for each in package.every("types")
    }
    if not wanted:
        raise Refusal("INVALID_TYPE", "A retrieve needs components: unpackaged has no types")
    number = (store.get("retrieves") or 0) + 1
    store.put("retrieves", number)
    version = package.said("version") or request.said("apiVersion")
    asked = Retrieve(numbered(PREFIX, number), wanted, version, request.flag("singlePackage"))
    _waiting(store)[asked.id] = asked
    return {"done": False, "id": asked.id, "state": "Queued"}


def look(store: Store, operation: Node) -> dict[str, Any]:
    """How a retrieve goes; the zip is given once, unless the caller does not want it yet."""
    security.require(store, security.MODIFY)
    id_ = operation.said("asyncProcessId") or operation.said("id")
    asked = _waiting(store).get(id_)
    if asked is None or asked.fetched:
        said = f"Retrieve result has been deleted: {id_}" if asked else f"invalid id {id_}"
        raise Refusal("INVALID_LOCATOR" if asked else "INVALID_CROSS_REFERENCE_KEY", said)
    asked.asked += 1
    if asked.asked <= POLLS:
        return {"done": False, "id": id_, "status": "InProgress", "success": False}
    asked.fetched = operation.said("includeZip").lower() != "false"
    return _told(asked, _found(store, asked))


def _waiting(store: Store) -> dict[str, Retrieve]:
    """The retrieves there are, until the sandbox stops."""
    found: dict[str, Retrieve] = store.passing.setdefault("retrieves", {})
    return found


def _told(asked: Retrieve, found: Found) -> dict[str, Any]:
    packed = b64encode(_zipped(asked, found.files)).decode() if asked.fetched else None
    return {
        "done": True,
        "fileProperties": found.properties,
        "id": asked.id,
        "messages": found.messages,
        "status": "Succeeded",
        "success": True,
        "zipFile": packed,
    }


def _zipped(asked: Retrieve, files: Mapping[str, str]) -> bytes:
    root = "" if asked.singly else ROOT
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(root + name, content)
    return packed.getvalue()


# what is found


def _found(store: Store, asked: Retrieve) -> Found:
    found, fields = Found(), dict[str, list[dict[str, Any]]]()
    for kind, names in asked.wanted.items():
        known = {each["fullName"]: each for each in _listed(store, kind, found)}
        for name in _named(names, known, kind):
            if name not in known:
                said = f"Entity of type '{kind}' named '{name}' cannot be found"
                found.messages.append({"fileName": f"{ROOT}{MANIFEST}", "problem": said})
                continue
            file = known[name]["fileName"]
            found.properties.append({**known[name], "fileName": f"{ROOT}{file}"})
            (told,) = metadata_types.read(store, kind, [name])
            if kind == "CustomField":
                fields.setdefault(file, []).append(_child(told))
            else:
                found.files[file] = _document(told)
    for file, children in fields.items():
        # an object that was asked for has its fields already
        found.files.setdefault(file, _document({"@type": "CustomObject", "fields": children}))
    found.files[MANIFEST] = _manifest(asked)
    return found


def _listed(store: Store, kind: str, found: Found) -> list[dict[str, Any]]:
    """The components of a type; a type that is not to be had is told, and has none."""
    if kind in READABLE:
        return metadata_types.listed(store, kind)
    unknown = f"Unknown type name '{kind}' specified in {MANIFEST}"
    kept = f"The metadata of type {kind} cannot be read in this org"
    problem = kept if kind in TYPES else unknown
    found.messages.append({"fileName": f"{ROOT}{MANIFEST}", "problem": problem})
    return []


def _named(names: Sequence[str], known: Mapping[str, Any], kind: str) -> Iterator[str]:
    """The names that are meant; a star is all of them, but no fields and no standard objects."""
    for name in dict.fromkeys(names):
        if name != "*":
            yield name
        elif kind != "CustomField":
            yield from (each for each in known if kind != "CustomObject" or each.endswith("__c"))


def _child(told: Mapping[str, Any]) -> dict[str, Any]:
    """A field as it stands in the file of its object."""
    plain = {key: value for key, value in told.items() if key != "@type"}
    return {**plain, "fullName": str(told["fullName"]).partition(".")[2]}


def _document(told: Mapping[str, Any]) -> str:
    """A component as a file: its name is the file's, and is not said again."""
    inside = {key: each for key, each in told.items() if key not in ("@type", "fullName")}
    return _file(str(told["@type"]), inside)


def _manifest(asked: Retrieve) -> str:
    types = [{"members": list(names), "name": kind} for kind, names in asked.wanted.items()]
    return _file("Package", {"types": types, "version": asked.version})


def _file(root: str, inside: Mapping[str, Any]) -> str:
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{NAMESPACE}">'
    return head + written(root, inside).removeprefix(f"<{root}>") + "\n"
