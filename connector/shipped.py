"""What comes with the connector: its adapters by name, and how sure we are of each source."""

from __future__ import annotations

import importlib
from dataclasses import fields
from pathlib import Path
from typing import Any


def available(package: str) -> list[str]:
    """The adapters that are shipped, by their names in the configuration."""
    folder = Path(__file__).parent / package
    names = {p.stem for p in folder.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    return sorted(name for name in names if not name.startswith("_"))


#: Answers that are records of the CRM: a pull of its mapping brings them, no table of a source.
IN_THE_CRM: tuple[dict[str, Any], ...] = (
    {
        "type": "hubspot-feedback",
        "streams": ["responses"],
        "sure": "verified",
        "about": "HubSpot feedback submissions: a pull in the mapping of the CRM.",
    },
    {
        "type": "salesforce-object",
        "streams": ["any"],
        "sure": "verified",
        "about": "Any Salesforce object with scores: a pull in the mapping of the CRM.",
    },
    {
        "type": "salesforce-surveys",
        "streams": ["invitations", "responses"],
        "sure": "partly",
        "about": "Salesforce Surveys: three pulls in the mapping of the CRM.",
    },
)


def supported() -> list[dict[str, Any]]:
    """The types of sources that are shipped: name, streams, how sure we are, and what each is."""
    found = list(IN_THE_CRM)
    for name in available("sources"):
        module = importlib.import_module(f"connector.sources.{name}")
        known = {each.name: each.default for each in fields(module.Source)}
        streams = known.get("streams")
        found.append(
            {
                "type": name,
                "streams": sorted(streams) if isinstance(streams, tuple) else ["any"],
                "sure": known.get("sure", "inferred"),
                "about": str(module.__doc__).strip().splitlines()[0],
            }
        )
    return sorted(found, key=lambda each: str(each["type"]))
