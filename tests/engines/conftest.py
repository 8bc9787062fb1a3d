"""One Java machine for all tests that need Spark: starting it takes longer than most of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connector.engines import spark
from tests.engines.parity import MASTER


@pytest.fixture(scope="session")
def java() -> Iterator[Any]:
    """Spark, begun; a scorer then uses it, and does not end it."""
    session, begun = spark.session(MASTER, "2GB", {})
    yield session
    if begun:
        session.stop()
