"""Metadata as the XML of Salesforce's own files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
#: What Tooling and metadata files call differently.
_NAMES = {"valueName": "fullName"}


def written(kind: str, told: Mapping[str, Any]) -> bytes:
    """A file with this root."""
    root = ET.Element(kind, xmlns=NAMESPACE)
    _add(root, told)
    ET.indent(root, "    ")
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _add(parent: ET.Element, told: Mapping[str, Any]) -> None:
    """One element for each value, by name; a list is the same element again, None is none."""
    named = {_NAMES.get(name, name): value for name, value in told.items()}
    for name in sorted(named, key=lambda name: (name != "fullName", name)):
        value = named[name]
        for each in value if isinstance(value, list) else [value]:
            if each is None:
                continue
            element = ET.SubElement(parent, name)
            if isinstance(each, Mapping):
                _add(element, each)
            else:
                element.text = str(each).lower() if isinstance(each, bool) else str(each)
