"""Attest: a panel's answers belong to no account, so none is read."""

from __future__ import annotations

import pytest
import requests

from connector.errors import AuthError, Malformed, RemoteError
from connector.sources.attest import Source
from connector.sync import pull_sources
from tests.conftest import Answer
from tests.sources.served import BEFORE, Here, serving


@pytest.fixture
def here(tmp_path, monkeypatch):
    with serving("attest", tmp_path, monkeypatch) as found:
        yield found


def source(here: Here, **settings) -> Source:
    told = {"url": here.keys["url"], "study": here.keys["study"], **settings}
    return Source(token=here.secret(), **told)


def test_a_check_proves_the_key_and_the_study(here):
    """Both, with a call that brings no answers."""
    made = source(here)
    made.check()
    assert made.calls() == {"structure": 1}
    with pytest.raises(RemoteError, match="404"):
        source(here, study="other").check()
    here.keys["token"] = "nonsense"
    with pytest.raises(AuthError):
        source(here).check()


def test_nothing_of_it_reaches_an_account(here, tmp_path):
    """It has no stream: the engine asks for none, and a pull brings none."""
    made = source(here)
    assert pull_sources.pull_source(None, None, "attest", made) == []
    for stream in ("responses", "signals"):
        assert made.pull(stream, BEFORE, tmp_path).rows == 0
    assert made.calls() == {}


def test_the_platform_has_answers_all_the_same(here):
    """They would be there to be read."""
    headers = {"X-API-Key": here.keys["token"]}
    url = f"{here.keys['url']}/study/{here.keys['study']}/rounds?surveyIds=s1"
    assert requests.get(url, headers=headers, timeout=30).json()["rounds"]


@pytest.mark.parametrize(
    "answer", [Answer(302, headers={"Location": "https://elsewhere.example"}), Answer(body=b"[]")]
)
def test_what_is_no_study_is_an_error(here, scripted, answer):
    """No redirect is followed with the key."""
    with pytest.raises(Malformed):
        source(here, url=scripted(answer).url).check()
