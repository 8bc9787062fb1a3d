"""One Java machine for all tests that need Spark: starting it takes longer than most of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connector.engines import spark
from tests.engines.parity import MASTER

#: Java translates a statement once and quickly: what it works out is little, and worked out once.
QUICK = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.sql.codegen.wholeStage": "false",
}


@pytest.fixture(scope="session")
def java() -> Iterator[Any]:
    """Spark, begun; a scorer then uses it, and does not end it."""
    session, begun = spark.session(MASTER, "2GB", QUICK)
    yield session
    if begun:
        session.stop()
