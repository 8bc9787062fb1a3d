"""Addresses of v3 and of dated releases side by side."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("path", ["/crm/v3/objects/COMPANY", "/crm/objects/2026-03/0-2",
                                  "/crm/objects/2026-09/companies/"])  # fmt: skip
def test_a_type_has_several_names_and_every_version_the_same_records(account, companies, path):
    """v3 and dates, plural, singular and number, with a slash at the end or without."""
    found = {each["id"] for each in account.get(path, params={"limit": 100})["results"]}
    assert found == set(companies.values())


def test_a_missing_activity_is_answered_with_a_web_page(account):
    """As recorded: tickets and activities say 404 in HTML, newer addresses in JSON."""
    old = account.call("GET", "/crm/v3/objects/tasks/996174569112")
    new = account.call("GET", "/crm/objects/2026-09/tasks/996174569112")
    assert (old.status_code, new.status_code) == (404, 404)
    assert "<h2>HTTP ERROR 404</h2>" in old.text
    assert new.json()["category"] == "OBJECT_NOT_FOUND"
