"""Attest: what a study asks. Who answers is a panel; nothing of it leads to a customer."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from ..store import Store
from .serving import Ask, Platform, Refused, key

ROOT, STUDY = "/attest", "study-1"
PLATFORM = Platform(ROOT, lambda ask: ask.header("x-api-key") == key(ask.store, "attest"))


def routes(store: Store) -> list[Route]:
    """The platform's addresses under `/attest`."""
    table = {"studies/{id}/structure": _structure, "study/{id}/rounds": _rounds}
    return PLATFORM.routes(store, table)


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    return {"url": f"{base}{ROOT}", "token": key(store, "attest"), "study": STUDY}


def _structure(ask: Ask) -> dict[str, Any]:
    if ask.path("id") != STUDY:
        raise Refused(404, "There is no such study")
    nodes = [] if ask.query("node_ids") == "none" else [{"id": "q1", "title": "Which do you know?"}]
    return {"id": STUDY, "title": "Brand tracker", "nodes": nodes}


def _rounds(ask: Ask) -> dict[str, Any]:
    answer = {"questionId": "q1", "answerIds": ["a3"]}
    person = {"respondentId": "x1", "answers": [answer]}
    return {
        "surveyId": ask.query("surveyIds"),
        "rounds": [{"roundId": "r1", "respondents": [person]}],
    }
