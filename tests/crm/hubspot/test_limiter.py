"""How many requests go out within any ten seconds, whoever sends them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.crm.hubspot.limiter import SLACK, Bucket, Limiter


@dataclass
class Time:
    """A clock that moves when somebody rests."""

    now: float = 0.0
    rests: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def rest(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.now += seconds


def bucket(time: Time, limit: int, seconds: float) -> Bucket:
    return Bucket(limit, seconds, clock=time.clock, rest=time.rest)


@given(
    limit=st.integers(1, 20),
    pauses=st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=120),
)
@settings(deadline=None)
def test_no_window_of_its_length_ever_holds_more_than_the_limit(limit, pauses):
    """Not only windows that begin at full seconds: any."""
    time = Time()
    made, sent = bucket(time, limit, 10), []
    for pause in pauses:
        time.now += pause
        made.take()
        sent.append(time.now)
    for number, at in enumerate(sent):
        within = [other for other in sent[: number + 1] if other > at - 10]
        assert len(within) <= limit


def test_nobody_waits_while_there_is_room():
    """The limit is used, not spread out."""
    time = Time()
    made = bucket(time, 184, 10)
    for _ in range(184):
        made.take()
    assert time.rests == []
    made.take()
    assert time.rests == [10 + SLACK]


def test_a_place_is_free_again_so_long_after_its_answer():
    """Until then it may have been counted at any moment; a slow answer was counted late."""
    time = Time()
    made = bucket(time, 2, 10)
    slow, fast = made.take(), made.take()
    made.answered(fast)
    time.now = 3
    made.answered(slow)
    made.take()
    assert time.now == 10
    made.take()
    assert time.now == 13


#: Up to five seconds in steps that add up without rounding.
WAY = st.integers(0, 5 * 1024).map(lambda steps: steps / 1024)


@given(
    limit=st.integers(1, 8),
    ways=st.lists(st.tuples(WAY, WAY), min_size=1, max_size=80),
)
@settings(deadline=None)
def test_however_long_the_ways_are_no_window_is_overfull(limit, ways):
    """There and back as it likes: what the other side counts is never more than it allows."""
    time, counted = Time(), []
    made = bucket(time, limit, 10)
    for there, back in ways:
        place = made.take()
        time.now += there
        counted.append(time.now)
        time.now += back
        made.answered(place)
    for number, at in enumerate(counted):
        assert sum(other > at - 10 for other in counted[: number + 1]) <= limit


def test_the_longest_read_goes_before_those_who_wait():
    """Each that it passes waits one place longer, and no window holds more than the limit."""
    time, ready = Time(), threading.Event()
    made = Bucket(1, 10, clock=time.clock, rest=lambda seconds: ready.wait(10))
    made.answered(made.take())
    threads = []
    for number, rows in enumerate((20, 10, 900), 2):
        threads.append(threading.Thread(target=made.take, args=(rows,)))
        threads[-1].start()
        while made.counted < number:
            threads[-1].join(0.001)
    turns = sorted((round(each.at), each.left) for each in made._open)
    time.now = 100
    ready.set()
    for each in threads:
        each.join(10)
    assert turns == [(10, 900), (20, 20), (30, 10)]


def test_shorter_reads_share_evenly_what_the_longest_leaves():
    """Four places of ten where an answer takes 2.5 seconds, whether it has used them yet or not."""
    time = Time()
    made, sent = bucket(time, 10, 10), []
    first = made.take(900)
    time.now = 2.5
    made.answered(first)
    for _ in range(6):
        made.take(20, shares=True)
        sent.append(round(time.now, 3))
    assert sent == [round(2.5 + n * 10 / 6, 3) for n in range(6)]


def test_where_answers_come_at_once_shorter_reads_have_half():
    """The longest could use every place, and all others would be read when it has ended."""
    time = Time()
    made = bucket(time, 10, 10)
    for _ in range(5):
        made.answered(made.take(900))
    for seconds in (2, 4):
        made.take(20, shares=True)
        assert time.now == seconds


def test_a_refusal_makes_everybody_wait():
    """Somebody else uses the same limit: what we counted is not all there is."""
    time = Time()
    made = bucket(time, 100, 10)
    made.close(7)
    made.take()
    assert time.now == 7


def test_a_lower_limit_holds_at_once():
    """A subscription that was downgraded tells with the next answer."""
    time = Time()
    made = bucket(time, 100, 10)
    for _ in range(50):
        made.take()
    made.allow(10, 10)
    made.take()
    assert time.now == 10 + SLACK


def test_the_limit_is_taken_from_the_answers():
    """190 in ten seconds of a Professional account, all of it used."""
    limiter = Limiter(searches=4)
    told = {"X-HubSpot-RateLimit-Max": "190", "X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}
    limiter.hear(told)
    assert limiter.burst._limit == 190
    limiter.hear({})
    limiter.hear({"X-HubSpot-RateLimit-Max": "many"})
    assert limiter.burst._limit == 190


def test_searches_have_a_bucket_of_their_own():
    """They are limited by the second, and take nothing from the others."""
    limiter = Limiter(searches=4)
    for _ in range(4):
        limiter.admit("search")
    assert limiter.search.counted == 4
    assert limiter.burst.counted == 0


def test_associations_have_a_bucket_of_their_own_within_the_burst():
    """They are limited by themselves, and are requests like any other."""
    limiter = Limiter(searches=4)
    turn = limiter.admit("associations")
    limiter.admit("list")
    assert (limiter.associations.counted, limiter.burst.counted) == (1, 2)
    turn.give_back()
    assert (limiter.associations.counted, limiter.burst.counted) == (0, 1)


def test_what_waits_for_its_second_place_counts_from_when_it_is_sent():
    """Not from when it had the first: until then nothing was sent that the other side counts."""
    time, limiter = Time(), Limiter(searches=4)
    limiter.burst, limiter.associations = bucket(time, 1, 10), bucket(time, 1, 10)
    limiter.admit("list").answered()
    limiter.admit("associations")
    assert time.now == 10
    limiter.burst = bucket(time, 2, 10)
    limiter.admit("associations")
    assert time.now == 20 + SLACK


def test_a_refusal_of_associations_holds_up_nobody_else():
    """Reading and writing records go on while no association may be asked for."""
    limiter = Limiter(searches=4)
    limiter.close("associations", 10)
    assert limiter.associations._closed > 0
    assert limiter.burst._closed == 0


@pytest.mark.parametrize(
    ("burst", "associations"), [(100, 100), (110, 100), (190, 150), (250, 200), (500, 200)]
)
def test_how_many_associations_may_be_asked_for_follows_from_the_subscription(burst, associations):
    """Free and Starter 100, Professional and Enterprise 150, 200 with the limit increase."""
    limiter = Limiter(searches=4)
    assert limiter.associations._limit == 100
    limiter.hear(
        {
            "X-HubSpot-RateLimit-Max": str(burst),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        }
    )
    assert limiter.associations._limit == associations


def test_threads_share_one_limit():
    """Eight threads together send no more than one would."""
    time, sent, lock = Time(), [], threading.Lock()

    def rest(seconds: float) -> None:
        with lock:
            sent.append(seconds)

    made = Bucket(50, 10, clock=time.clock, rest=rest)
    threads = [threading.Thread(target=lambda: [made.take() for _ in range(25)]) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    waits = sorted(round(each, 6) for each in sent)
    assert len(waits) == 150
    assert waits[:50] == [10 + SLACK] * 50
    assert waits[-50:] == [round(3 * (10 + SLACK), 6)] * 50


def test_a_limit_that_closes_while_somebody_waits_holds_for_him_too():
    """Otherwise everybody who rests at that moment is refused once more."""
    time = Time()

    def rest(seconds: float) -> None:
        if not time.rests:
            made.close(seconds + 30)
        time.rest(seconds)

    made = Bucket(1, 10, clock=time.clock, rest=rest)
    made.take()
    made.take()
    assert time.now == 10 + SLACK + 30


def test_a_place_that_was_not_used_is_free_again():
    """Whoever waited for a turn may find that there is nothing to send."""
    time = Time()
    made = bucket(time, 1, 10)
    made.give_back(made.take())
    made.take()
    assert time.rests == []


def test_the_longest_read_is_the_one_with_most_left():
    """Not the one that was the longest: it leads until much more is left of another, and each
    request leaves a page less."""
    limiter = Limiter(searches=4)
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other, ExitStack() as reads:

        def begin(rows: int) -> None:
            reads.enter_context(limiter.reading(rows))

        one.submit(begin, 3000).result()
        other.submit(begin, 2500).result()
        assert one.submit(limiter._ahead).result() == (3000, False)
        assert other.submit(limiter._ahead).result() == (2500, True)
        told = [one.submit(limiter._ahead).result() for _ in range(16)]
        assert told == [(2900 - 100 * n, False) for n in range(16)]
        assert other.submit(limiter._ahead).result() == (2400, False)
        assert one.submit(limiter._ahead).result() == (1300, True)
        assert limiter._ahead() == (0, True)
    assert limiter._ahead() == (0, False)
