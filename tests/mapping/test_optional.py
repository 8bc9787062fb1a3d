"""Fields of the shipped mappings that stand in comments: right as soon as somebody wants them."""

from __future__ import annotations

import re

import duckdb
import pytest

from connector.mapping.files import read
from connector.mapping.objects import CrmMapping, Field
from connector.model.columns import of_results
from tests.model.lake import shipped
from tests.world import ROOT

FIELD = re.compile(r"^# \[\[fields\]\]\n(?:# .+\n)+", re.MULTILINE)


def optional(crm: str) -> dict[str, Field]:
    """The optional fields of a mapping by their source, read with their comments taken away."""
    name = f"{crm}.toml"
    text = (ROOT / "mappings" / name).read_text(encoding="utf-8")
    wanted = FIELD.sub(lambda found: re.sub("^# ?", "", found[0], flags=re.MULTILINE), text)
    mapping, wrong = read(wanted, name, of_results(shipped()))
    assert isinstance(mapping, CrmMapping), wrong
    plain, _ = read(text, name, of_results(shipped()))
    assert isinstance(plain, CrmMapping)
    return {each.source: each for each in mapping.fields if each not in plain.fields}


@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
def test_they_are_fields_like_any_other(crm: str) -> None:
    """What changed, in two languages, and how sure the NPS is."""
    found = optional(crm)
    assert {"brief_en", "brief_de"} < set(found)
    assert {each.target.lower().removesuffix("__c") for each in found.values()} == {
        "health_brief", "health_brief_de", "nps_range",
    }  # fmt: skip
    assert all(set(each.label) == set(each.help) == {"en", "de"} for each in found.values())


@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
@pytest.mark.parametrize(
    ("low", "high", "n", "said"),
    [("-33.6", "90.7", "4", "-34 … 91 (n = 4)"), ("NULL", "NULL", "0", None)],
)
def test_an_nps_has_its_range_beside_it(
    crm: str, low: str, high: str, n: str, said: str | None
) -> None:
    """Nothing where nobody answered."""
    (source,) = (each for each in optional(crm) if "nps_low" in each)
    row = (
        f"SELECT {low}::DOUBLE AS nps_low, {high}::DOUBLE AS nps_high, {n}::DOUBLE AS nps_responses"
    )
    assert duckdb.sql(f"SELECT {source} FROM ({row})").fetchall() == [(said,)]
