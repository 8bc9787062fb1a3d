"""What an error code of a row means, in Python and in SQL alike."""

from __future__ import annotations

import pytest

from connector.crm.salesforce import answers
from connector.engines.duckdb import DuckDB

TABLE = {
    "UNABLE_TO_LOCK_ROW": "transient",
    "SERVER_UNAVAILABLE": "transient",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "crowded",
    "APEX_ERROR": "crowded",
    "FLOW_EXCEPTION": "crowded",
    "CANNOT_EXECUTE_FLOW_TRIGGER": "crowded",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "failed",
    "REQUIRED_FIELD_MISSING": "failed",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "failed",
    "STRING_TOO_LONG": "failed",
    "NUMBER_OUTSIDE_VALID_RANGE": "failed",
    "DUPLICATES_DETECTED": "failed",
    "INSUFFICIENT_ACCESS_OR_READONLY": "failed",
    "INVALID_FIELD_FOR_INSERT_UPDATE": "stop",
    "ENTITY_IS_DELETED": "moved",
    "INVALID_CROSS_REFERENCE_KEY": "moved",
    "ENTITY_IS_LOCKED": "later",
    "STORAGE_LIMIT_EXCEEDED": "stop",
    "TXN_SECURITY_METERING_ERROR": "stop",
    "INVALID_FIELD": "stop",
    "A_CODE_OF_TOMORROW": "failed",
}


@pytest.mark.parametrize(("code", "result"), TABLE.items())
def test_each_code_has_its_action(code, result):
    """Try again, smaller, later, never, or stop."""
    assert answers.result_of(code) == result


def test_files_of_results_are_judged_by_the_same_table(tmp_path):
    """The lane does not change what an error means."""
    engine = DuckDB(scratch=tmp_path, threads=1)
    listed = ", ".join(f"('{code}')" for code in TABLE)
    rows = engine.rows(f"SELECT code, {answers.result_sql('code')} FROM (VALUES {listed}) t(code)")
    engine.close()
    assert dict(rows) == TABLE
