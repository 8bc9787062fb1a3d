"""The definitions as files: bodies for the API, and a table for whoever types them in."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import ConnectorError
from ...fieldplan import Extra, FieldPlan, FieldStep
from ...mapping.objects import CrmMapping
from . import definitions
from .by_hand import by_hand
from .definitions import GROUP, Definition, Language
from .paths import Paths
from .provision import PROPERTY_GROUP
from .scopes import schemas
from .segments import SEGMENT

#: A file of the folder and what is in it.
File = tuple[str, str]
COLUMNS = ("name", "label", "groupName", "type", "fieldType", "options", "description")

README = """# Properties for HubSpot

{count} properties of {object}, as `connector fields plan` shows them, for whoever has the rights
that the token of the connector does not have.

## By the API

With a token that has the scope `{scope}`, send each file as it is, in this order:

{calls}

A property that exists answers 409 and stays as it is. Sending `options` to one that exists replaces
all of its options: the files of changes hold those that were there. Read them again right before.

## By hand

`properties.csv` holds one property a line, to type from.

{lines}

Afterwards `connector fields plan` tells what is still missing.
"""


def export(
    mapping: CrmMapping,
    folder: Path,
    plan: FieldPlan | None,
    *,
    version: str,
    language: Language,
) -> list[Path]:
    """Write the files for the fields that a mapping writes; the files written.

    With a plan it knows the account: what is there and as it should be is left out.
    """
    known = plan or _of_mapping(mapping, language)
    files = list(_files(known, Paths(version)))
    return sorted(_write(folder / name, content) for name, content in files)


def _of_mapping(mapping: CrmMapping, language: Language) -> FieldPlan:
    """All of it, as if the account were empty: of the account nothing is known."""
    steps = tuple(
        FieldStep(
            field.target,
            "create",
            definition=definitions.definition(field, place, language),
        )
        for place, field in enumerate(mapping.fields, 1)
    )
    group = Extra(PROPERTY_GROUP, GROUP, "create", definition=definitions.group(language))
    plan = FieldPlan(mapping.object, "", steps, extras=(group,))
    return replace(plan, by_hand=tuple(by_hand(plan)))


def _files(plan: FieldPlan, paths: Paths) -> Iterator[File]:
    calls: list[str] = []
    base = paths.crm("properties", plan.object)
    for group in _made(plan, PROPERTY_GROUP):
        calls.append(f"POST /{base}/groups  group.json")
        yield "group.json", _json(group.definition)
    new = [each for each in plan.steps if each.do == "create"]
    for step in new:
        calls.append(f"POST /{base}  properties/{step.target}.json")
        yield f"properties/{step.target}.json", _json(step.definition)
    changed = [each for each in plan.steps if each.do == "change"]
    for step in changed:
        calls.append(f"PATCH /{base}/{step.target}  changes/{step.target}.json")
        yield f"changes/{step.target}.json", _json(_changed(step))
    for number, each in enumerate(_made(plan, SEGMENT), 1):
        calls.append(f"POST /{paths.crm('lists')}  segments/{number}.json")
        yield f"segments/{number}.json", _json(each.definition)
    told = [each.definition for each in (*new, *changed)]
    yield "properties.csv", _csv(told)
    yield "README.md", _readme(plan, len(told), calls)


def _made(plan: FieldPlan, kind: str) -> list[Extra]:
    return [each for each in plan.extras if each.kind == kind and each.do == "create"]


def _changed(step: FieldStep) -> dict[str, Any]:
    """What a PATCH sends: only what changes, options with all that were there."""
    told = {what for what, _, _ in step.changes}
    return {key: step.definition[key] for key in ("label", "description", "options") if key in told}


def _csv(told: list[Definition]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in told:
        options = "; ".join(option["value"] for option in each.get("options") or ())
        row = {**each, "options": options}
        writer.writerow([row.get(name, "") for name in COLUMNS])
    return out.getvalue()


def _readme(plan: FieldPlan, count: int, calls: list[str]) -> str:
    return README.format(
        count=count,
        object=plan.object,
        scope=schemas(plan.object)[0],
        calls="\n".join(f"    {call}" for call in calls) or "    (nothing)",
        lines="\n".join(f"- {line}" for line in plan.by_hand) or "Nothing is left to do.",
    )


def _json(body: Mapping[str, Any]) -> str:
    return f"{json.dumps(dict(body), indent=2, ensure_ascii=False)}\n"


def _write(path: Path, content: str) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise ConnectorError(f"{path} cannot be written: {error.strerror}.") from error
    return path
