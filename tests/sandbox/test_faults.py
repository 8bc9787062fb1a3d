"""Things that go wrong on purpose."""

from __future__ import annotations

import json
import time

import pytest
import requests

from connector.errors import ConfigError
from connector.sandbox.faults import Faults, read_faults


@pytest.fixture
def fault(client):
    """Sets one fault."""

    def post(match: dict, do: dict, **more):
        return client.control("POST", "faults", json=[{"match": match, "do": do, **more}])

    return post


def statuses(client, count: int) -> list[int]:
    """The status of so many equal calls."""
    return [client.call("GET", "/limits").status_code for _ in range(count)]


def test_a_status_comes_instead_of_the_answer(client, fault):
    """With body and headers as they were set."""
    do = {"status": 503, "body": "<html>maintenance</html>", "headers": {"Retry-After": "7"}}
    fault({"path_regex": "limits"}, do)
    answer = client.call("GET", "/limits")
    assert (answer.status_code, answer.text) == (503, "<html>maintenance</html>")
    assert (answer.headers["Retry-After"], answer.headers["Content-Type"]) == ("7", "text/html")


def test_the_nth_request_is_counted_from_the_moment_the_fault_was_set(client, fault):
    """Earlier requests do not count."""
    statuses(client, 2)
    fault({"nth": 2}, {"status": 500})
    assert statuses(client, 4) == [200, 500, 200, 200]


def test_every_third_request_fails(client, fault):
    """Again and again, until it was often enough."""
    fault({"every": 3}, {"status": 500}, times=1)
    assert statuses(client, 7) == [200, 200, 500, 200, 200, 200, 200]


def test_only_requests_of_the_kind_that_is_meant_are_hit(client, fault):
    """Method and address must both fit."""
    fault({"method": "POST", "path_regex": "limits"}, {"status": 500})
    assert statuses(client, 1) == [200]


def test_chance_is_the_same_every_time():
    """The same seed, the same bad luck; about as much of it as was asked for."""
    runs = []
    for _ in range(2):
        faults = Faults(seed=7)
        faults.post([{"match": {"probability": 0.3}, "do": {"status": 500}}])
        runs.append([faults.strike("GET", "/x") is not None for _ in range(200)])
    assert runs[0] == runs[1]
    assert 40 <= sum(runs[0]) <= 80


def test_a_connection_dropped_before_leaves_nothing_done(client, fault, ids):
    """The client sees no answer, and the record is as it was."""
    fault({"method": "PATCH"}, {"drop": "before"}, times=1)
    with pytest.raises(requests.ConnectionError):
        client.update({"id": ids["Alpha"], "Score__c": 5})
    assert client.control("GET", "writes") == []


def test_a_connection_dropped_after_leaves_the_deed_done(client, fault, ids):
    """The client sees no answer, and the record is written."""
    fault({"method": "PATCH"}, {"drop": "after"}, times=1)
    with pytest.raises(requests.ConnectionError):
        client.update({"id": ids["Alpha"], "Score__c": 5})
    held = client.control("GET", "values", params={"object": "Account", "fields": "Score__c"})
    assert held[ids["Alpha"]]["Score__c"] == 5.0


def test_a_record_made_under_a_dropped_connection_is_there_once(client, fault):
    """What a client that blindly repeats would do twice."""
    fault({"method": "POST"}, {"drop": "after"}, times=1)
    with pytest.raises(requests.ConnectionError):
        client.call("POST", "/sobjects/Account", json={"Name": "Once"})
    assert client.query("SELECT COUNT() FROM Account WHERE Name = 'Once'")["totalSize"] == 1


def test_a_truncated_answer_promises_more_than_it_gives(client, fault):
    """The length is that of the whole, and the connection ends in the middle."""
    fault({"path_regex": "describe"}, {"truncate_at": 100})
    at = f"{client.url}/services/data/v66.0/sobjects/Account/describe"
    headers = {"Authorization": f"Bearer {client.token}", "Accept-Encoding": "identity"}
    with requests.get(at, headers=headers, stream=True, timeout=10) as answer:
        assert int(answer.headers["Content-Length"]) > 1_000
        read = answer.raw.read(100)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            list(answer.iter_content(1_000))
    assert read.startswith(b"{")


def test_a_delayed_answer_comes_late_and_whole(client, fault):
    """A delay alone changes nothing else."""
    fault({"path_regex": "limits"}, {"delay_ms": 200})
    began = time.monotonic()
    assert statuses(client, 1) == [200]
    assert time.monotonic() - began >= 0.2


def test_the_controls_are_never_affected(client, fault):
    """However wide the fault, it can be removed."""
    fault({}, {"drop": "before"})
    assert client.control("GET", "health") == {"ok": True}
    client.control("DELETE", "faults")
    assert statuses(client, 1) == [200]


def test_faults_tell_how_often_they_hit(client, fault):
    """So that a test can prove that its fault happened."""
    fault({"path_regex": "limits", "nth": 2}, {"status": 500})
    statuses(client, 3)
    (told,) = client.control("GET", "faults")
    assert (told["met"], told["hit"]) == (3, 1)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"match": {"verb": "GET"}, "do": {"status": 500}}, "unexpected keyword argument 'verb'"),
        ({"match": {"path_regex": "("}, "do": {"status": 500}}, "path_regex"),
        ({"match": {}, "do": {}}, "do one of"),
        ({"match": {}, "do": {"drop": "during"}}, "do one of"),
        (5, "a fault is"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(client, wanted, said):
    """With the reason."""
    assert said in client.control("POST", "faults", json=[wanted])["error"]


def test_faults_can_come_from_a_file(tmp_path):
    """The same JSON as the control takes."""
    path = tmp_path / "faults.json"
    path.write_text(json.dumps([{"match": {"nth": 1}, "do": {"status": 500}}]))
    deed = read_faults(path).strike("GET", "/x")
    assert deed is not None
    assert deed.status == 500


def test_a_broken_file_of_faults_is_named(tmp_path):
    """The reader learns which file it was."""
    path = tmp_path / "faults.json"
    path.write_text("{")
    with pytest.raises(ConfigError, match=r"faults\.json"):
        read_faults(path)
