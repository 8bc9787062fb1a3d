"""kill -9 at every numbered I/O step of a sync of HubSpot, from the plan on, in both lanes."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.crash.test_crash import SMALL, Zygote, beyond_the_plan, zygote  # noqa: F401
from tests.hubspot_world import Portal, portal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
LANES = ("bulk_from = 1", "bulk_from = 100000")
SHARES = 4


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sandbox with our properties in it and nothing written yet, to be copied for every death."""
    folder = tmp_path_factory.mktemp("prepared")
    with portal(folder, accounts=4, seed=11, frozen=NOON):
        pass
    shutil.rmtree(folder / "here")
    return folder


@contextmanager
def copied(prepared: Path, folder: Path, lane: str) -> Iterator[Portal]:
    """The prepared sandbox once more, and an installation that writes in one lane."""
    shutil.copytree(prepared / "sandbox", folder / "sandbox")
    with portal(folder, frozen=NOON) as made:
        made.lane(lane)
        shutil.copy(SMALL, made.folder / "mappings" / "health.toml")
        yield made


@pytest.fixture(scope="module", params=LANES)
def clean(
    request: Any,
    prepared: Path,
    zygote: Zygote,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, list[str], dict[str, Any]]:
    """A lane, the steps of a run that nobody kills, and what HubSpot holds afterwards."""
    with copied(prepared, tmp_path_factory.mktemp("clean"), request.param) as made:
        done = zygote.run(made.config)
        assert done["exit"] == 0
        return request.param, done["steps"], made.held()


@pytest.mark.parametrize("share", range(SHARES))
def test_a_run_killed_at_any_step_is_repaired_by_running_again(
    share: int,
    prepared: Path,
    clean: tuple[str, list[str], dict[str, Any]],
    zygote: Zygote,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Every fourth step from the plan on: same values, an empty plan, nothing written twice."""
    lane, steps, expected = clean
    numbers = beyond_the_plan(steps)
    assert any("batch/update" in steps[number - 1] for number in numbers)
    for number in numbers[share::SHARES]:
        with copied(prepared, tmp_path / f"{number}", lane) as made:
            died = zygote.run(made.config, die_at=number)
            assert died["signal"] == signal.SIGKILL, (number, steps[number - 1])
            again = zygote.run(made.config, then_plan=True)
            assert (again["exit"], again["planned"]) == (0, 0), (number, steps[number - 1])
            assert made.held() == expected, (number, steps[number - 1])
            assert set(Counter(row["id"] for row in made.writes()).values()) == {1}
        shutil.rmtree(tmp_path / f"{number}")
