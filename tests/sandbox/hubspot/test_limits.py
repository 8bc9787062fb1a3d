"""How many calls an account may make, and what it answers to one too many."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from connector.sandbox.hubspot import limits

COMPANIES = "/crm/v3/objects/companies"
SEARCH = f"{COMPANIES}/search"
PREFIX = "X-HubSpot-RateLimit-"


@pytest.fixture
def second(store) -> Callable[[float], None]:
    """A clock of windows that stands still; sets the second that it shows."""
    shown = [0.0]
    store.passing["hubspot"] = limits.Passing(now=lambda: shown[0])
    return lambda to: shown.__setitem__(0, to)


def search(account, **more):
    """One search."""
    return account.call("POST", SEARCH, json={"filterGroups": []}, **more)


def test_answers_tell_the_window_and_the_day(account):
    """What is allowed, what is left, how long the window is; in seconds nobody tells any more."""
    account.control(plan="professional")
    headers = account.call("GET", COMPANIES).headers
    told = {name: headers[PREFIX + name] for name in ("Max", "Remaining", "Interval-Milliseconds")}
    assert told == {"Max": "190", "Remaining": "189", "Interval-Milliseconds": "10000"}
    assert (headers[PREFIX + "Daily"], headers[PREFIX + "Daily-Remaining"]) == ("650000", "649999")


def test_answers_to_searches_tell_nothing(account):
    """They have a limit of their own, which is not told."""
    answer = search(account)
    assert answer.ok
    assert not [name for name in answer.headers if "ratelimit" in name.lower()]


def test_the_burst_is_refused_with_its_policy(account):
    """429, and the body that was recorded; the controls count it."""
    account.control(limits={"burst": 2})
    assert [account.call("GET", COMPANIES).status_code for _ in range(3)] == [200, 200, 429]
    answer = account.call("GET", COMPANIES)
    told = answer.json()
    assert told.pop("correlationId")
    assert told == {
        "status": "error",
        "message": "You have reached your ten_secondly_rolling limit.",
        "errorType": "RATE_LIMIT",
        "policyName": "TEN_SECONDLY_ROLLING",
    }
    assert answer.headers[PREFIX + "Remaining"] == "0"
    assert "Retry-After" not in answer.headers
    limits = account.control()["limits"]
    assert (limits["requests"], limits["refused"]) == (
        {"service_key": 4},
        {"TEN_SECONDLY_ROLLING": 2},
    )


def test_the_burst_is_one_for_each_app(account):
    """What one has used, the other has not."""
    account.control(limits={"burst": 1})
    assert account.call("GET", COMPANIES).ok
    assert account.call("GET", COMPANIES).status_code == 429
    assert account.call("GET", COMPANIES, token=account.keys["private_app_token"]).ok


def test_searches_are_limited_by_the_second_and_for_all_apps_together(account, second):
    """Two apps share five; a second later, and no sooner, there are five again."""
    account.control(plan="enterprise")
    tokens = [account.keys["token"], account.keys["private_app_token"]] * 3
    statuses = [search(account, token=token).status_code for token in tokens]
    assert statuses == [200] * 5 + [429]
    told = search(account).json()
    assert (told["message"], told["category"]) == (
        "You have reached your secondly limit.",
        "RATE_LIMITS",
    )
    assert "policyName" not in told
    second(0.99)
    assert search(account).status_code == 429
    second(1.0)
    assert [search(account).status_code for _ in range(6)] == [200] * 5 + [429]


def test_the_window_rolls(account, second):
    """What was used three quarters of a second later is free so much later, too."""
    account.control(limits={"search": 5})
    assert [search(account).status_code for _ in range(3)] == [200] * 3
    second(0.75)
    assert [search(account).status_code for _ in range(2)] == [200] * 2
    second(1.3)
    assert [search(account).status_code for _ in range(4)] == [200] * 3 + [429]


def test_the_seconds_are_real_ones(account):
    """A client that waits for a second has waited for the sandbox's."""
    account.control(limits={"search": 1})
    before = time.monotonic()
    assert search(account).ok
    while not search(account).ok:
        assert time.monotonic() - before < 30
        time.sleep(0.02)
    assert time.monotonic() - before >= 1


def test_a_limit_holds_for_many_threads(account):
    """Eight at once get no more than one would."""
    account.control(limits={"burst": 20})
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: account.call("GET", COMPANIES).status_code, range(40)))
    assert Counter(statuses) == {200: 20, 429: 20}


def test_a_refused_search_may_be_told_like_the_others(account):
    """Older answers named a policy; which of the two comes is not for a client to choose."""
    account.control(limits={"search": 0, "search_body": "policy"})
    told = search(account).json()
    assert (told["errorType"], told["policyName"]) == ("RATE_LIMIT", "SECONDLY")
    assert "category" not in told


def test_searches_are_not_in_the_burst(account):
    """Nor is the burst in them."""
    account.control(limits={"burst": 1})
    assert [search(account).status_code for _ in range(3)] == [200] * 3
    assert account.call("GET", COMPANIES).ok


def test_the_day_is_shared_and_ends_at_midnight_where_the_account_is(account):
    """Berlin's midnight is eleven in the evening by the sandbox's clock, which stands at eight."""
    account.control(limits={"daily": 3})
    for token in (account.keys["token"], account.keys["private_app_token"]):
        assert account.call("GET", COMPANIES, token=token).ok
    assert search(account).ok
    answer = account.call("GET", COMPANIES)
    assert (answer.status_code, answer.json()["policyName"]) == (429, "DAILY")
    account.advance("14h")
    assert account.call("GET", COMPANIES).status_code == 429
    account.advance("65m")
    assert account.call("GET", COMPANIES).headers[PREFIX + "Daily-Remaining"] == "2"


def test_what_is_used_of_the_day_can_be_set(account):
    """So that nobody has to make half a million calls first."""
    account.control(plan="professional", limits={"used": {"daily": 649_999}})
    assert account.call("GET", COMPANIES).headers[PREFIX + "Daily-Remaining"] == "0"
    assert account.call("GET", COMPANIES).json()["policyName"] == "DAILY"


@pytest.mark.parametrize(
    ("plan", "packs", "burst", "daily"),
    [
        ("free", 0, "100", "250000"),
        ("professional", 0, "190", "650000"),
        ("enterprise", 0, "190", "1000000"),
        ("enterprise", 2, "250", "3000000"),
    ],
)
def test_a_plan_has_its_own_limits(account, plan, packs, burst, daily):
    """And the pack that can be bought for it."""
    account.control(plan=plan, limits={"packs": packs})
    headers = account.call("GET", COMPANIES).headers
    assert (headers[PREFIX + "Max"], headers[PREFIX + "Daily"]) == (burst, daily)


@pytest.mark.parametrize(
    ("unit", "least", "most"), [("seconds", 1, 11), ("milliseconds", 1, 10_001)]
)
def test_how_long_to_wait_is_told_in_one_unit_or_the_other(account, unit, least, most):
    """Both were seen; nobody says which it is."""
    account.control(limits={"burst": 1, "retry_after": unit})
    account.call("GET", COMPANIES)
    wait = int(account.call("GET", COMPANIES).headers["Retry-After"])
    assert least <= wait <= most
    assert (wait > 100) is (unit == "milliseconds")


def test_associations_have_a_limit_beside(account):
    """Reading them is refused while records can still be read."""
    account.control(limits={"associations_burst": 1})
    path, body = "/crm/v4/associations/companies/contacts/batch/read", {"inputs": [{"id": "1"}]}
    assert account.call("POST", path, json=body).status_code < 400
    assert account.call("POST", path, json=body).status_code == 429
    dated = "/crm/associations/2026-09/companies/contacts/batch/read"
    assert account.call("POST", dated, json=body).status_code == 429
    single = "/crm/v4/objects/companies/1/associations/contacts"
    assert account.call("GET", single).status_code == 429
    assert account.call("GET", COMPANIES).ok


def test_limits_are_generous_until_a_plan_is_asked_for(account):
    """A hundred times an Enterprise account; or none at all, and then nothing is told."""
    assert account.call("GET", COMPANIES).headers[PREFIX + "Max"] == "19000"
    account.control(limits={"mode": "off"})
    assert PREFIX + "Max" not in account.call("GET", COMPANIES).headers


def test_counts_can_begin_anew(account):
    """Moments that were taken are free again, too."""
    account.control(limits={"burst": 1})
    account.call("GET", COMPANIES)
    assert account.call("GET", COMPANIES).status_code == 429
    assert account.control(forget=True)["limits"]["refused"] == {}
    assert account.call("GET", COMPANIES).ok


@pytest.mark.parametrize(
    "wanted", [{"burts": 1}, {"mode": "sometimes"}, {"packs": 3}, {"used": {"burst": 1}}]
)
def test_a_limit_that_there_is_not_cannot_be_set(account, wanted):
    """With 400."""
    answer = account.call("POST", "/_sandbox/hubspot", json={"limits": wanted})
    assert answer.status_code == 400
