"""What the contract of all sources needs to know of each: how to make it, and what it can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import Any

from connector.sandbox.store import Store
from connector.sandbox.surveys import answers

Keys = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """One platform.

    `settings` are those of the source, made of what the emulation's `credentials` tell; the key
    `secret` of them stands for the credential. `lists` is the path that lists answers, as a regex.
    `small` names module variables of the source that make its pages small. `stamped`: the platform
    filters by what changed, so an edit of any age arrives; else only one within the overlap.
    `renews`: a token that has expired is fetched anew. `paged`: not everything comes at
    once. `chosen`: a score is one of the choices of a question, and there are none off its scale.
    `act` adds, edits and deletes an answer.

    `tells` are the columns of an answer that the platform knows besides those that all do, `called`
    is what it calls the second survey, and `events` is what says of that survey that it follows an
    event. `asks` are the columns of an invitation that it knows, if it tells of any, and
    `with_invited` the settings that this takes. `counted` is where the records stand in an answer
    that says how many there are in all.
    """

    name: str
    lists: str
    settings: Callable[[Keys], Mapping[str, Any]]
    secret: str = "token"
    small: Mapping[str, Any] = field(default_factory=lambda: {"PER_PAGE": 5})
    stamped: bool = False
    renews: bool = False
    paged: bool = True
    chosen: bool = False
    act: Callable[[Store, dict[str, Any]], Any] = answers.act
    total: Callable[[Store], int] = answers.count
    #: Settings of the emulation that make its own pages small: name in the store, value.
    served: Mapping[str, int] = field(default_factory=dict)
    tells: str = ""
    called: str = "s2"
    events: Any = ("s2",)
    asks: str = ""
    with_invited: Mapping[str, Any] = field(default_factory=dict)
    counted: str = ""

    @property
    def module(self) -> Any:
        """The source's module."""
        return import_module(f"connector.sources.{self.name}")

    def keys(self, store: Store, base: str) -> Keys:
        """What the emulation tells a client that wants to sign in."""
        emulation = import_module(f"connector.sandbox.surveys.{self.name}")
        told: Keys = emulation.credentials(store, base)
        return told


def url(keys: Keys) -> Mapping[str, str]:
    """Platforms that need no more than their address and a secret."""
    return {"url": keys["url"]}


def heard(keys: Keys) -> Mapping[str, str]:
    """Qualtrics: what it read in the words has names that differ from survey to survey."""
    return {**url(keys), "topics": "QID3_TEXT_TOPICS", "sentiment": "QID3_TEXT_SENTIMENT"}


def client(keys: Keys) -> Mapping[str, str]:
    """Platforms that know a client by its id."""
    return {"url": keys["url"], "client_id": keys["client_id"]}


def gauge(keys: Keys) -> Mapping[str, str]:
    """CustomerGauge: its tokens come from another address, and its moments need a zone."""
    login = keys["url"].removesuffix("/v7/rest/sync")
    return {**client(keys), "login_url": login, "zone": keys["zone"], "region": "eu"}


CASES = (
    Case(
        "asknicely",
        r"/responses/asc/5/",
        url,
        tells="channel contact_key asked_at",
        counted="data",
        asks="account_key contact_key",
        events=True,
    ),
    Case(
        "customergauge",
        r"/sync/responses$",
        gauge,
        secret="client_secret",
        renews=True,
        tells="touchpoint labels company asked_at",
        asks="account_key company",
        called="customergauge",
        events=("transactional",),
    ),
    Case(
        "delighted",
        r"/survey_responses\.json$",
        url,
        stamped=True,
        tells="labels contact_key",
        called="nps",
        events=True,
    ),
    Case(
        "inmoment",
        r"/v1/responses$",
        client,
        secret="client_secret",
        renews=True,
        small={"PER_PAGE": 5, "WINDOW": timedelta(days=1)},
        tells="labels contact_key company",
        asks="account_key contact_key company",
    ),
    Case(
        "qualtrics",
        r"/API/v3/surveys$",
        heard,
        small={"FIRST_LOOK": 0},
        tells="channel language labels sentiment contact_key",
        asks="account_key contact_key",
        with_invited={"directory": "POOL_1"},
        called="SV_s2",
        events=("SV_s2",),
    ),
    Case(
        "retently",
        r"/feedback$",
        url,
        tells="channel labels sentiment company",
        counted="data.responses",
        asks="account_key company",
    ),
    Case(
        "satismeter",
        r"/responses$",
        lambda keys: {"url": keys["url"], "project": keys["project"]},
        small={},
        paged=False,
        tells="contact_key company",
    ),
    Case(
        "surveymonkey",
        r"/responses/bulk$",
        url,
        small={"RESPONSES": 5},
        stamped=True,
        chosen=True,
        tells="channel language labels contact_key",
        counted="data",
    ),
    Case("survicate", r"/responses$", url, tells="language contact_key company"),
    Case("trustmary", r"/answers$", url, stamped=True, tells="contact_key company"),
    Case("typeform", r"/responses$", url, tells="contact_key company", counted="items"),
    Case(
        "zenloop",
        r"/answers$",
        url,
        tells="labels sentiment contact_key company",
        counted="answers",
    ),
)
