"""Addresses: the only place that knows how HubSpot spells them in each version of its API.

The older spelling has the version before the name (`crm/v3/objects/companies`; associations are
v4), the newer one has a date behind it (`crm/objects/2026-09/companies`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

NUMBERED = "v3"
DATED = re.compile(r"20\d\d-(03|09)")
#: APIs whose number differs from that of the others.
_NUMBERS = {"associations": "v4"}


def known(version: str) -> str:
    """The version as it is; ValueError if it is neither v3 nor a release by its date."""
    if version != NUMBERED and not DATED.fullmatch(version):
        raise ValueError(f"{version!r} is no API version; write v3, 2026-03 or 2026-09")
    return version


@dataclass(frozen=True, slots=True)
class Paths:
    """Addresses in one version, relative to the host."""

    version: str

    def crm(self, name: str, *steps: str) -> str:
        """An address of the CRM: `crm("properties", "companies")`."""
        rest = "".join(f"/{quote(step, safe='')}" for step in steps)
        if self.version == NUMBERED:
            return f"crm/{_NUMBERS.get(name, NUMBERED)}/{name}{rest}"
        return f"crm/{name}/{self.version}{rest}"

    def objects(self, kind: str, *steps: str) -> str:
        """The records of one kind, or something to do with them."""
        return self.crm("objects", kind, *steps)

    def associations(self, kind: str, to: str) -> str:
        """Which records of one kind belong to which of another, many at once."""
        return self.crm("associations", kind, to, "batch", "read")

    @property
    def account(self) -> str:
        """Which portal this is."""
        return f"account-info/{self.version}/details"

    @property
    def token_info(self) -> str:
        """Whose service key or private app a token is; there is one spelling of it."""
        return "oauth/v2/private-apps/get/access-token-info"

    def oauth(self, *steps: str) -> str:
        """Tokens: secrets go in the body from v3 on."""
        return "/".join(["oauth", self.version, "token", *steps])


def lane(method: str, path: str) -> str:
    """Which lane a call belongs to, for limits, predictions and receipts."""
    for part, name in _LANES:
        if part in path:
            return name
    if "/objects/" in path and method == "GET":
        return "list"
    return "other"


_LANES = (
    ("oauth/", "login"),
    ("/access-token-info", "login"),
    ("/associations/", "associations"),
    ("/properties", "properties"),
    ("/pipelines", "pipelines"),
    ("/owners", "owners"),
    ("/imports", "imports"),
    ("/exports", "exports"),
    ("/lists", "lists"),
    ("/search", "search"),
    ("/batch/read", "batch_read"),
    ("/batch/update", "batch_update"),
)
