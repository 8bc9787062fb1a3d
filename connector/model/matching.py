"""What an installation adds to the ladder of `identity`: the [identity] table of config.toml."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from . import free_mail

#: Domains below which every customer has a name of its own, beyond the public suffix list.
SHARED = frozenset({"onmicrosoft.com", "sharepoint.com", "mail.onmicrosoft.com", "zendesk.com"})


def _domain(text: str) -> str:
    name = text.strip().strip(".").removeprefix("@").lower()
    if not re.fullmatch(r"[^\s@/]+\.[^\s@/]+", name):
        raise ValueError(f"{text!r} is not a domain; write for example mail.example")
    return name


#: A domain name as people write it.
Domain = Annotated[str, AfterValidator(_domain)]


@dataclass(frozen=True, slots=True)
class Matching:
    """How records find their account.

    `free_mail`: more mail providers, whose domains say nothing about where somebody works.
    `shared`: more domains below which every customer has a name of its own.
    `least`: the least confidence with which a record is placed; above 0.6 a company's name alone is
    not enough, and at 0.5 a domain of several accounts leads to the one at their top.
    `contacts`: whether what names no account but a person counts for the account of that person.
    `moves`: whether an answer stays with the account that its contact had, or follows the contact.
    `own`: the company's own domains; what its people answer does not count.
    """

    free_mail: tuple[Domain, ...] = ()
    shared: tuple[Domain, ...] = ()
    least: Annotated[float, Field(ge=0.5, le=1)] = 0.6
    contacts: Literal["count", "ignore"] = "count"
    moves: Literal["stay", "follow"] = "stay"
    own: tuple[Domain, ...] = ()

    @property
    def without_employer(self) -> frozenset[str]:
        """Every domain of a mail provider."""
        return free_mail.DOMAINS | frozenset(self.free_mail)

    @property
    def tenants(self) -> frozenset[str]:
        """Every domain below which customers have names of their own."""
        return SHARED | frozenset(self.shared)


#: What holds when the configuration says nothing.
USUAL = Matching()
