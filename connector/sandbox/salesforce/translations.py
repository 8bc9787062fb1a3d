"""What fields are called in other languages, where the org has switched that on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from ..store import Store
from .errors import Refusal
from .markup import Node

SCHEMA = """
create table if not exists translations (
    object text not null, language text not null, field text not null, body text not null,
    primary key (object, language, field)
) without rowid;
"""
KIND = "CustomObjectTranslation"
KNOWN = frozenset({"de", "en_US", "es", "fr", "it", "ja", "nl_NL", "pt_BR", "zh_CN"})
_LANGUAGES = "translation_languages"
_PLAIN = ("label", "help")
_LONGEST = {"label": 40, "help": 510}


def switch_on(store: Store, languages: Iterable[str]) -> list[str]:
    """Switches translation on for these languages, and tells for which it is on."""
    wanted = {str(each) for each in languages}
    if unknown := wanted - KNOWN:
        said = f"there is no language {', '.join(sorted(unknown))}; there are {sorted(KNOWN)}"
        raise ValueError(said)
    every = sorted(wanted | set(store.get(_LANGUAGES) or ()))
    store.put(_LANGUAGES, every)
    return every


def apply(store: Store, name: str, node: Node) -> bool:
    """Keeps the texts of a file, and tells whether any of them are new; others stay."""
    target, language = _place(store, name)
    changed = False
    for each in node.every("fields"):
        field = each.said("name")
        if field not in store.fields(target):
            said = f"In field: CustomField - no CustomField named {target}.{field} found"
            raise Refusal("INVALID_CROSS_REFERENCE_KEY", said)
        before = _kept(store, target, language).get(field, {})
        after = _merged(before, each, [*_labels(store, target, field)])
        changed |= after != before
        store.db.execute(
            "insert or replace into translations values (?, ?, ?, ?)",
            (target, language, field, orjson.dumps(after).decode()),
        )
    return changed


def read(store: Store, name: str) -> dict[str, Any]:
    """The texts of an object in a language, as a file says them."""
    if not store.get(_LANGUAGES):
        said = f"INVALID_TYPE: Entity type: '{KIND}' is not available in this organization"
        raise Refusal("INVALID_TYPE", said)
    try:
        target, language = _place(store, name)
    except Refusal:
        return {"@type": KIND}
    fields = [
        {"help": told.get("help"), "label": told.get("label"), "name": field}
        | {"picklistValues": _values(told)}
        for field, told in _kept(store, target, language).items()
    ]
    return {"@type": KIND, "fullName": name, "fields": fields}


def _values(told: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"masterLabel": label, "translation": text}
        for label, text in (told.get("values") or {}).items()
    ]


def _place(store: Store, name: str) -> tuple[str, str]:
    """The object and the language of `Account-de`."""
    languages = store.get(_LANGUAGES) or ()
    if not languages:
        said = "Not available for deploy for this organization"
        raise Refusal("INVALID_CROSS_REFERENCE_KEY", said)
    target, _, language = name.rpartition("-")
    if language not in languages:
        raise Refusal("INVALID_CROSS_REFERENCE_KEY", f"The language {language} is not active")
    if target not in store.objects():
        said = f"In field: CustomObject - no CustomObject named {target} found"
        raise Refusal("INVALID_CROSS_REFERENCE_KEY", said)
    return target, language


def _merged(before: Mapping[str, Any], node: Node, labels: list[str]) -> dict[str, Any]:
    after = dict(before)
    for key in _PLAIN:
        if text := node.said(key):
            if len(text) > _LONGEST[key]:
                said = f"{key}: data value too large: {text} (max length={_LONGEST[key]})"
                raise Refusal("STRING_TOO_LONG", said)
            after[key] = text
    values = {each.said("masterLabel"): each.said("translation")
              for each in node.every("picklistValues")}  # fmt: skip
    if unknown := [each for each in values if each not in labels]:
        raise Refusal("INVALID_CROSS_REFERENCE_KEY", f"Picklist value {unknown[0]} not found")
    return after | ({"values": {**before.get("values", {}), **values}} if values else {})


def _labels(store: Store, target: str, field: str) -> list[str]:
    known = store.fields(target)[field]
    return [known.value_labels.get(each, each) for each in known.choices]


def _kept(store: Store, target: str, language: str) -> dict[str, Any]:
    sql = "select field, body from translations where object = ? and language = ? order by field"
    rows = store.db.execute(sql, (target, language))
    return {field: orjson.loads(body) for field, body in rows.fetchall()}
