"""Answers that are asked for by their ids: the same as a pull brings, and gone only if so told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connector.errors import RemoteError
from connector.protocols import Hint
from connector.sandbox.surveys import answers
from connector.secrets import Secret
from tests.sources.reading import told
from tests.sources.served import Here, serving

NAMES = ("delighted", "qualtrics", "typeform")
AT = datetime(2020, 1, 1, tzinfo=UTC)
#: Typeform names nothing that is not there.
TELLS = {"delighted", "qualtrics"}


@pytest.fixture(params=NAMES)
def place(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    with serving(request.param, tmp_path, monkeypatch) as here:
        yield request.param, here


def source(name: str, here: Here, **settings: Any) -> Any:
    from importlib import import_module

    module = import_module(f"connector.sources.{name}")
    if name == "qualtrics":
        module.FIRST_LOOK = 0.01
    secret: Secret = here.secret()
    return module.Source(token=secret, url=here.keys["url"], **settings)


def hint(name: str, answer: answers.Answer) -> Hint:
    survey = f"SV_{answer.survey}" if name == "qualtrics" else answer.survey
    return Hint(answer.id, survey, AT)


def fetched(made: Any, hints: list[Hint], folder: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    found = made.singles("responses", hints, folder / "singles")
    return {row["id"]: row for row in told(found.spool.relation, found.spool.rows, folder)}, (
        found.gone
    )


def test_an_answer_is_what_a_pull_brings(place, tmp_path):
    """Column by column, of two surveys, and nothing else."""
    name, here = place
    made, given = source(name, here), [a for a in here.answers() if a.score is not None]
    one = given[0]
    other = next(each for each in given if each.survey != one.survey)
    found, gone = fetched(made, [hint(name, one), hint(name, other)], tmp_path)
    (tmp_path / "whole").mkdir()
    spool = made.pull("responses", None, tmp_path / "whole")
    whole = {row["id"]: row for row in told(spool.relation, spool.rows, tmp_path)}
    assert found == {each.id: whole[each.id] for each in (one, other)}
    assert gone == ()


def test_an_answer_is_gone_only_if_the_platform_says_so(place, tmp_path):
    """404 for just this one; its neighbour comes all the same."""
    name, here = place
    lost, other = (a for a in here.answers()[:2])
    here.act(do="delete", id=lost.id)
    found, gone = fetched(source(name, here), [hint(name, lost), hint(name, other)], tmp_path)
    assert set(found) == {other.id}
    assert gone == ((lost.id,) if name in TELLS else ())


def test_a_platform_that_fails_deletes_nothing(place, tmp_path):
    """Any other refusal stops the pull; the hint waits."""
    name, here = place
    one = here.answers()[0]
    here.fault(r"/(responses|survey_responses)(/|$)", {"status": 400})
    with pytest.raises(RemoteError):
        fetched(source(name, here), [hint(name, one)], tmp_path)


def test_a_survey_that_is_not_read_here_is_passed_over(place, tmp_path):
    """An event may be about any survey of the account."""
    name, here = place
    if name == "delighted":  # a key is for one project
        return
    found, gone = fetched(source(name, here), [Hint("x", "elsewhere", AT)], tmp_path)
    assert (found, gone) == ({}, ())
