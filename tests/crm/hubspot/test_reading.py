"""Reading from HubSpot: everything by list, changes by search, and nothing lost between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.crm.hubspot import pages, read
from connector.errors import ConfigError, ConnectorError, Malformed
from connector.protocols import Read

from .conftest import Kept

NAME = ("hs_object_id", "name")


def test_an_id_is_a_text_although_hubspot_calls_it_a_number(portal):
    """As a number it would be written as 9337000001.0, and join with nothing."""
    (firm,) = portal.make(1)
    (person,) = portal.make(1, "contacts", associatedcompanyid=firm)
    assert portal.read("companies", "hs_object_id") == [(firm,)]
    told = portal.read("contacts", "hs_object_id", "associatedcompanyid")
    assert told == [(person, firm)]


@pytest.mark.parametrize("kind", ["contacts", "deals", "tickets"])
def test_the_primary_company_counts_whichever_way_it_is_read(portal, kind):
    """Lists name its type without `_unlabeled`, association reads by its number."""
    firms = portal.make(3)
    (id,) = portal.make(1, kind)
    portal.associate(kind, id, "companies", *firms, primary=firms[1])
    since = datetime(2020, 1, 1, tzinfo=UTC)
    more = {"modified": "lastmodifieddate"} if kind == "contacts" else {}
    assert portal.read(kind, "companies.id", **more) == [(firms[1],)]
    assert portal.read(kind, "companies.id", since=since, into="later", **more) == [(firms[1],)]
