"""What a deployed zip holds: components, each with its file and line, and what is wrong with it."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from .markup import Node, NotXml, parse

MANIFEST = "package.xml"
REMOVALS = ("destructiveChangesPre.xml", "destructiveChanges.xml", "destructiveChangesPost.xml")
MOST_FILES, MOST_BYTES = 10_000, 400 << 20

#: Folder of a package → type of component.
FOLDERS = {
    "objects": "CustomObject",
    "permissionsets": "PermissionSet",
    "objectTranslations": "CustomObjectTranslation",
    "applications": "CustomApplication",
    "aura": "AuraDefinitionBundle",
    "classes": "ApexClass",
    "customMetadata": "CustomMetadata",
    "dashboards": "Dashboard",
    "flexipages": "FlexiPage",
    "flows": "Flow",
    "globalValueSets": "GlobalValueSet",
    "labels": "CustomLabels",
    "layouts": "Layout",
    "lwc": "LightningComponentBundle",
    "permissionsetgroups": "PermissionSetGroup",
    "profiles": "Profile",
    "quickActions": "QuickAction",
    "remoteSiteSettings": "RemoteSiteSetting",
    "reportTypes": "ReportType",
    "reports": "Report",
    "standardValueSets": "StandardValueSet",
    "staticresources": "StaticResource",
    "tabs": "CustomTab",
    "translations": "Translations",
    "triggers": "ApexTrigger",
    "workflows": "Workflow",
}
#: Element of an object's file → type of component.
CHILDREN = {
    "fields": "CustomField",
    "businessProcesses": "BusinessProcess",
    "compactLayouts": "CompactLayout",
    "fieldSets": "FieldSet",
    "indexes": "Index",
    "listViews": "ListView",
    "recordTypes": "RecordType",
    "sharingReasons": "SharingReason",
    "validationRules": "ValidationRule",
    "webLinks": "WebLink",
}
BUNDLES = frozenset({"lwc", "aura"})
TYPES = frozenset({*FOLDERS.values(), *CHILDREN.values(), "CustomLabel"})
#: What is really made here, and therefore must be in manifest and zip alike.
APPLIED = ("CustomField", "PermissionSet", "CustomObjectTranslation")
_AFTERWARDS = frozenset(
    {"PermissionSet", "PermissionSetGroup", "Profile", "CustomObjectTranslation"}
)


@dataclass(frozen=True, slots=True)
class Component:
    """One thing to add, to change or to remove."""

    type: str
    name: str
    file: str
    node: Node = field(default_factory=lambda: Node(""))
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a component; `line` and `column` where that is known."""

    text: str
    component: Component
    line: int = 1
    column: int = 1


class Broken(Exception):
    """A package in which nothing can be read."""


@dataclass(frozen=True, slots=True)
class Package:
    """The components of a zip in the order in which they are worked on."""

    components: tuple[Component, ...]
    problems: tuple[Problem, ...]


def read(content: bytes, *, missing_allowed: bool = False) -> Package:
    """What a zip holds; its manifest is at the top, or in the one folder there."""
    files = _unpacked(content)
    manifest = next((name for name in files if PurePosixPath(name).name == MANIFEST), None)
    if manifest is None:
        raise Broken(f"No {MANIFEST} found")
    base = manifest.removesuffix(MANIFEST)
    inside = {
        name.removeprefix(base): body for name, body in files.items() if name.startswith(base)
    }
    found, problems = _found(inside)
    wanted, unknown = _wanted(inside[MANIFEST])
    problems += unknown + _unlisted(found, wanted)
    if not missing_allowed:
        problems += _absent(found, wanted)
    bad = {(each.component.type, each.component.name) for each in problems}
    sound = [each for each in found if (each.type, each.name) not in bad]
    removals = {name: _removals(name, inside[name]) for name in REMOVALS if name in inside}
    after = removals.pop(REMOVALS[-1], [])
    before = [each for listed in removals.values() for each in listed]
    return Package((*before, *sorted(sound, key=_rank), *after), tuple(problems))


def _rank(component: Component) -> int:
    """Permissions and translations come after what they are about."""
    return component.type in _AFTERWARDS


def _unpacked(content: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            entries = [each for each in packed.infolist() if not each.is_dir()]
            if len(entries) > MOST_FILES or sum(each.file_size for each in entries) > MOST_BYTES:
                raise Broken(f"A package has at most {MOST_FILES} files and {MOST_BYTES} bytes")
            return {each.filename: packed.read(each) for each in entries}
    # a locked entry is a RuntimeError, an unknown way of packing a NotImplementedError
    except (zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise Broken("The zip file cannot be read") from error


def _found(files: Mapping[str, bytes]) -> tuple[list[Component], list[Problem]]:
    found: dict[tuple[str, str], Component] = {}
    problems = []
    for name, body in files.items():
        if name == MANIFEST or name in REMOVALS or name.endswith("-meta.xml"):
            continue
        try:
            found |= {(each.type, each.name): each for each in _components(name, body)}
        except NotXml as error:
            text = f"Error parsing file: {error}"
            problems.append(Problem(text, Component("", name, name), error.line))
        except KeyError as error:
            text = f"Unknown folder type: {error.args[0]}"
            problems.append(Problem(text, Component("", name, name)))
    return list(found.values()), problems


def _components(file: str, body: bytes) -> Iterator[Component]:
    folder, _, rest = file.partition("/")
    kind = FOLDERS[folder]
    name = rest.partition("/")[0] if folder in BUNDLES else rest.rpartition(".")[0] or rest
    if kind not in ("CustomObject", "PermissionSet", "CustomObjectTranslation"):
        yield Component(kind, name, file)
        return
    root = parse(body)
    if kind != "CustomObject":
        yield Component(kind, name, file, root)
        return
    for each in root:
        if each.name in CHILDREN:
            yield Component(CHILDREN[each.name], f"{name}.{each.said('fullName')}", file, each)
    if any(each.name not in CHILDREN for each in root):
        yield Component(kind, name, file, root)


def _wanted(body: bytes) -> tuple[dict[str, list[str]], list[Problem]]:
    """The manifest: type → names."""
    manifest = Component("", MANIFEST, MANIFEST)
    try:
        root = parse(body)
    except NotXml as error:
        raise Broken(f"Error parsing {MANIFEST}: {error}") from error
    wanted = {
        each.said("name"): [member.text.strip() for member in each.every("members")]
        for each in root.every("types")
    }
    problems = [
        Problem(f"Unknown type name '{kind}' specified in {MANIFEST}", manifest)
        for kind in wanted
        if kind not in TYPES
    ]
    return wanted, problems


def _unlisted(found: list[Component], wanted: Mapping[str, list[str]]) -> list[Problem]:
    return [
        Problem(f"Not in {MANIFEST}", each, each.node.line, each.node.column)
        for each in found
        if each.type in APPLIED
        and not {each.name, "*"} & set(wanted.get(each.type, ()))
        and each.name.partition(".")[0] not in wanted.get("CustomObject", ())
    ]


def _absent(found: list[Component], wanted: Mapping[str, list[str]]) -> list[Problem]:
    there = {(each.type, each.name) for each in found}
    return [
        Problem(
            f"An object '{name}' of type {kind} was named in {MANIFEST}, but was not found in"
            " zipped directory",
            Component(kind, name, MANIFEST),
        )
        for kind in APPLIED
        for name in wanted.get(kind, ())
        if name != "*" and (kind, name) not in there
    ]


def _removals(file: str, body: bytes) -> list[Component]:
    try:
        root = parse(body)
    except NotXml as error:
        raise Broken(f"Error parsing {file}: {error}") from error
    return [
        Component(each.said("name"), member.text.strip(), file, member, gone=True)
        for each in root.every("types")
        for member in each.every("members")
    ]
