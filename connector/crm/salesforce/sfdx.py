"""The fields and permission sets as a source folder that `sf project deploy start` takes.

German texts lie in a package directory of their own: an org without the Translation Workbench
refuses them, and with them everything that is deployed in the same go.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ...errors import ConnectorError
from ...mapping.objects import CrmMapping, Field
from ...protocols import Access, FieldPlan
from . import metadata as shapes
from . import objects, translations
from .markup import NAMESPACE, written
from .permissions import READER, WRITER, wanted
from .translations import LANGUAGE

__all__ = ["NAMESPACE", "export"]

API_VERSION = "66.0"
APP, WORDS = Path("force-app/main/default"), Path("translations/main/default")

#: A file of the folder and what is in it.
File = tuple[Path, bytes]


def export(
    mapping: CrmMapping,
    folder: Path,
    plan: FieldPlan | None = None,
    *,
    api_version: str = API_VERSION,
) -> list[Path]:
    """Write the source folder for the fields that a mapping writes; the files written.

    With a plan it knows the org: fields that are not ours are left out, values that are there
    stay, and the writer may read what the mapping reads. A `sfdx-project.json` that is there is
    somebody's own project, and stays.
    """
    fields, access = _of_mapping(mapping) if plan is None else (_of_plan(plan), plan.access)
    labelled = [field for field in mapping.fields if field.target in fields]
    words = list(_translations(mapping.object, labelled))
    project = folder / "sfdx-project.json"
    files = [] if project.exists() else [_project(api_version, translated=bool(words))]
    files += [_field(mapping.object, name, have) for name, have in fields.items()]
    files += [_permission_set(each) for each in access if each.do != "refuse"]
    return sorted(_write(folder / path, content) for path, content in [*files, *words])


def _of_mapping(mapping: CrmMapping) -> tuple[dict[str, shapes.Metadata], tuple[Access, ...]]:
    """Our fields, and the permission sets for them alone: of the org nothing is known."""
    ours = [field for field in mapping.fields if field.target.endswith("__c")]
    names = [f"{mapping.object}.{field.target}" for field in ours]
    pulled = {pull.object for pull in mapping.pull if not pull.optional}
    known = frozenset(filter(objects.offline, {mapping.object, *pulled, *objects.STANDARD}))
    read = objects.rights(pulled, mapping.object, known)
    own = {name: objects.READ for name in read if name == mapping.object}
    access = (wanted(WRITER, (), names, read), wanted(READER, names, (), own))
    return {field.target: shapes.metadata(field) for field in ours}, access


def _of_plan(plan: FieldPlan) -> dict[str, shapes.Metadata]:
    return {step.target: step.definition for step in plan.steps if step.definition}


def _project(api_version: str, *, translated: bool) -> File:
    folders: list[dict[str, Any]] = [{"path": APP.parts[0], "default": True}]
    if translated:
        folders.append({"path": WORDS.parts[0]})
    project = {
        "packageDirectories": folders,
        "name": "crm-health-connector",
        "namespace": "",
        "sourceApiVersion": api_version,
    }
    return Path("sfdx-project.json"), f"{json.dumps(project, indent=2)}\n".encode()


def _field(object: str, name: str, have: shapes.Metadata) -> File:
    path = APP / f"objects/{object}/fields/{name}.field-meta.xml"
    # What is off is the default, and some types refuse to be told so.
    told = {key: value for key, value in have.items() if value is not False}
    return path, written("CustomField", {"fullName": name, **told})


def _permission_set(access: Access) -> File:
    granted = [
        {"editable": name in access.edit, "field": name, "readable": True}
        for name in sorted((*access.edit, *access.read))
    ]
    told = {
        "description": shapes.DESCRIPTION,
        "fieldPermissions": granted,
        "hasActivationRequired": False,
        "label": access.label,
        "objectPermissions": [_object(name, access.objects[name]) for name in access.objects],
    }
    path = APP / f"permissionsets/{access.name}.permissionset-meta.xml"
    return path, written("PermissionSet", told)


def _object(name: str, rights: Sequence[str]) -> dict[str, Any]:
    """What may be done with the records of an object, as a file says it."""
    return {"object": name, **{_RIGHTS[right]: right in rights for right in objects.RIGHTS}}


#: What a file calls the rights on an object.
_RIGHTS = {
    "Read": "allowRead",
    "Create": "allowCreate",
    "Edit": "allowEdit",
    "Delete": "allowDelete",
    "ViewAllRecords": "viewAllRecords",
    "ModifyAllRecords": "modifyAllRecords",
}


def _translations(object: str, fields: Iterable[Field]) -> Iterator[File]:
    """The texts in German, and the file that holds a translation together."""
    here = WORDS / f"objectTranslations/{object}-{LANGUAGE}"
    translated = [told for field in fields if (told := translations.words(field))]
    if translated:
        whole = here / f"{object}-{LANGUAGE}.objectTranslation-meta.xml"
        yield whole, written("CustomObjectTranslation", {})
    for told in translated:
        path = here / f"{told['name']}.fieldTranslation-meta.xml"
        yield path, written("CustomFieldTranslation", told)


def _write(path: Path, content: bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise ConnectorError(f"{path} cannot be written: {error.strerror}.") from error
    return path
