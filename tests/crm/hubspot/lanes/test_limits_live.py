"""The limit of a Professional account, kept to and used up, against a server of its own."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

import pytest
import requests

from connector.crm.hubspot import Crm
from connector.crm.hubspot.auth import Token
from connector.secrets import Secret
from tests.bench import serving

CALLS, MOST, SECONDS = 600, 190, 10.0


@pytest.fixture(params=[100, 150])
def served(request, tmp_path) -> Iterator[tuple[str, Crm]]:
    """Twenty companies, the true limits of the plan, and an answer that takes its time."""
    with serving(tmp_path / "sandbox", 20) as url:
        keys = requests.get(f"{url}/_sandbox/credentials", timeout=60).json()["hubspot"]
        (tmp_path / "token").write_text(keys["token"])
        crm = Crm(auth=Token(Secret(f"file:{tmp_path / 'token'}")), url=url)
        crm.check()
        post(url, "hubspot", {"plan": "professional"})
        slow = {"match": {"path_regex": "batch/update"}, "do": {"delay_ms": request.param}}
        post(url, "faults", slow)
        yield url, crm


def post(url: str, path: str, body: object) -> dict[str, object]:
    answer = requests.post(f"{url}/_sandbox/{path}", json=body, timeout=60)
    answer.raise_for_status()
    return dict(answer.json())


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_limit_is_used_and_kept(served):
    """Six hundred updates through eight threads at 100 and 150 ms: 95 % of the limit, next to no
    429."""
    url, crm = served
    query = "crm=hubspot&object=companies&fields=name"
    ids = list(requests.get(f"{url}/_sandbox/values?{query}", timeout=60).json())
    rows = [{"id": ids[n % len(ids)], "name": f"Name {n}"} for n in range(CALLS)]
    post(url, "hubspot", {"forget": True})
    begun, ends = monotonic(), []
    for (outcome,) in crm.write("companies", rows, 1):
        assert outcome.result == "applied"
        ends.append(monotonic() - begun)
    floor = (CALLS - 1) // MOST * SECONDS
    refused = post(url, "hubspot", {})["limits"]["refused"]
    used = sum(end <= floor for end in ends) / (floor / SECONDS * MOST)
    print(f"wall {ends[-1]:.1f} s, floor {floor:.0f} s, used {used:.1%}, refused {refused}")
    assert len(ends) == CALLS
    assert used >= 0.95
    assert sum(refused.values()) <= CALLS * 0.005
    assert ends[-1] <= 1.05 * floor + 2
