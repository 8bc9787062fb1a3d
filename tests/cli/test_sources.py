"""What can be read besides the CRM, and how sure we are of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.shipped import IN_THE_CRM, available

from .conftest import Command

ROOT = Path(__file__).parents[2]
SURE = {"verified", "partly", "inferred"}


def test_every_source_is_listed_with_its_streams_and_how_sure_we_are(connector: Command) -> None:
    """As a document, and without any configuration."""
    listed = {each["type"]: each for each in connector("sources", "list", "--json").json["sources"]}
    in_the_crm = [each["type"] for each in IN_THE_CRM]
    assert list(listed) == sorted([*available("sources"), *in_the_crm])
    assert {each["sure"] for each in listed.values()} <= SURE
    assert all(each["about"] for each in listed.values())
    assert [name for name, each in listed.items() if not each["streams"]] == ["attest"]
    assert listed["zenloop"]["streams"] == ["responses"]
    assert listed["asknicely"]["streams"] == ["invitations", "responses"]
    assert listed["rest"]["streams"] == ["any"]


@pytest.mark.parametrize("said", ["zenloop", "invitations, responses", "partly"])
def test_a_person_sees_a_table(connector: Command, said: str) -> None:
    """One line a source."""
    done = connector("sources", "list")
    assert (done.exit, said in done.out) == (0, True)


def test_a_person_is_told_what_the_words_mean_and_where_to_read_on(connector: Command) -> None:
    """And every type has the page that is named."""
    told = " ".join(connector("sources", "list").out.split())
    assert "inferred: check it against your own account" in told
    assert "docs/sources/TYPE.md" in told
    pages = {each.stem for each in (ROOT / "docs" / "sources").glob("*.md")}
    assert {*available("sources"), *(each["type"] for each in IN_THE_CRM)} == pages
