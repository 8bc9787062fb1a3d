"""kill -9 at every numbered I/O step of a sync; run again; the CRM holds the same in the end."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.world import ROOT, World, world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
SHARES = 8
#: Hundreds of runs are killed and repaired: a model that is quickly worked out will do.
SMALL = Path(__file__).with_name("small.toml")
AS_A_FILE = "bulk_from = 1"


class Zygote:
    """The process that forks the runs."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def run(self, config: Path, die_at: int = 0, *, then_plan: bool = False) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        task = {"config": str(config), "die_at": die_at, "then_plan": then_plan}
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        return dict(json.loads(self.process.stdout.readline()))

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.close()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """A sandbox with our fields in it and nothing written yet, to be copied for every death."""
    folder = tmp_path_factory.mktemp("prepared")
    with world(folder, accounts=6, seed=11, frozen=NOON) as made:
        made.ready()
    shutil.rmtree(folder / "here")
    return folder


@pytest.fixture(scope="module")
def clean(prepared, zygote, tmp_path_factory) -> tuple[list[str], dict[str, Any]]:
    """The steps of a run that nobody kills, and what the CRM holds afterwards."""
    return unharmed(prepared, zygote, tmp_path_factory.mktemp("clean"))


@pytest.fixture(scope="module")
def clean_file(prepared, zygote, tmp_path_factory) -> tuple[list[str], dict[str, Any]]:
    """The same where everything is written as one file."""
    return unharmed(prepared, zygote, tmp_path_factory.mktemp("clean_file"), AS_A_FILE)


def unharmed(prepared, zygote, folder, *settings: str) -> tuple[list[str], dict[str, Any]]:
    with copied(prepared, folder, *settings) as made:
        done = zygote.run(made.config)
        assert done["exit"] == 0
        return done["steps"], made.held()


@contextmanager
def copied(prepared: Path, folder: Path, *settings: str) -> Iterator[World]:
    """The prepared sandbox once more, and an installation with settings of its own."""
    shutil.copytree(prepared / "sandbox", folder / "sandbox")
    with world(folder, frozen=NOON) as made:
        text = made.config.read_text().replace("[crm.auth]", "\n".join([*settings, "[crm.auth]"]))
        made.config.write_text(re.sub(r'model = ".*"', f'model = "{SMALL}"', text))
        yield made


def beyond_the_plan(steps: list[str]) -> list[int]:
    """The numbers of the steps from the moment when the plan is on disk."""
    first = next(n for n, name in enumerate(steps, 1) if name == "rename plan.part")
    return list(range(first, len(steps) + 1))


def check_recovery(made: World, zygote: Zygote, expected: dict[str, Any]) -> None:
    """The next run repairs everything: same values, an empty plan, nothing written twice."""
    again = zygote.run(made.config, then_plan=True)
    assert (again["exit"], again["planned"]) == (0, 0)
    assert made.held() == expected
    times = Counter(row["id"] for row in made.writes())
    assert set(times.values()) == {1}


@pytest.mark.parametrize("share", range(SHARES))
def test_a_run_killed_at_any_step_is_repaired_by_running_again(
    share, prepared, clean, zygote, tmp_path
):
    """Every eighth step of the run, beginning with another one for each share."""
    steps, expected = clean
    assert len(steps) > 60
    for number in range(1 + share, len(steps) + 1, SHARES):
        folder = tmp_path / f"{number}"
        with copied(prepared, folder) as made:
            died = zygote.run(made.config, die_at=number)
            assert died["signal"] == signal.SIGKILL, (number, steps[number - 1])
            check_recovery(made, zygote, expected)
        shutil.rmtree(folder)


@pytest.mark.parametrize("share", range(2))
def test_a_run_killed_while_it_writes_a_file_is_repaired_by_running_again(
    share, prepared, clean_file, zygote, tmp_path
):
    """Every step from the plan on: before the job, in it, and while its outcomes are fetched."""
    steps, expected = clean_file
    numbers = beyond_the_plan(steps)
    assert any("jobs/ingest" in steps[number - 1] for number in numbers)
    for number in numbers[share::2]:
        folder = tmp_path / f"{number}"
        with copied(prepared, folder, AS_A_FILE) as made:
            died = zygote.run(made.config, die_at=number)
            assert died["signal"] == signal.SIGKILL, (number, steps[number - 1])
            check_recovery(made, zygote, expected)
        shutil.rmtree(folder)
