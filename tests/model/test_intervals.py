"""The worked numbers of the method for intervals and for changes between two periods.

Those of decay, weights, shrinking and coverage are in `test_properties`, `test_roles`, `test_few`
and `test_nps`. Of the page's other numbers none is worked out here, each for its reason:

- Wald and trinomial intervals, and the bootstrap: the adjusted Wald interval is the one that is
  shown, as theirs have no width where all answers agree. Their centre, the plain NPS, is tested.
- Coverage by simulation (n = 3 to 50): a property of the formula, not a number of the product.
- Sample sizes for a margin, and the factor for finite populations: nobody plans surveys here.
- The paired comparison: answers are told apart by day, not by who gave both.
- The difference in differences: there are no campaigns with a control group.
- Benchmarks: never a target, and not shipped.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.model.nps import Voices, alike, difference, interval
from tests.model.lake import Lake, answer, only

#: Promoters, detractors, answers → NPS and the adjusted interval.
TABLE = [
    ((50, 20, 100), 30.0, (14.1, 44.2)),
    ((1, 0, 1), 100, (-48.5, 98.5)),
    ((0, 1, 1), -100, (-98.5, 48.5)),
    ((2, 0, 2), 100, (-24.4, 100)),
    ((3, 1, 4), 50, (-33.6, 90.7)),
    ((0, 3, 3), -100, (-100, 6.6)),
    ((8, 1, 12), 58.3, (11.5, 81.8)),
]


@pytest.mark.parametrize(("counts", "nps", "ends"), TABLE)
def test_the_interval_of_a_few_answers(counts, nps, ends):
    """Never without width, and never beyond 100."""
    voices = Voices(*counts)
    assert voices.nps == pytest.approx(nps, abs=0.05)
    assert interval(voices) == pytest.approx(ends, abs=0.05)


@pytest.fixture(scope="module")
def surveyed() -> Lake:
    """An account for every line of the table."""
    lake = Lake()
    for number, ((promoters, detractors, answers), _, _) in enumerate(TABLE):
        lake.put("accounts", id=f"{number:03}")
        scores = [9] * promoters + [6] * detractors
        for n, score in enumerate(scores + [7] * (answers - len(scores))):
            answer(lake, f"r{number}.{n}", score, 3, account_key=f"{number:03}")
    lake.put("accounts", id="silent")
    return lake.run(replace(only("nps", "nps_low", "nps_high", "loyalty")))


@pytest.mark.parametrize("line", range(len(TABLE)))
def test_every_account_has_its_interval(surveyed, line):
    """As facts of the shipped model, in its own language."""
    found = surveyed.rows(f"SELECT nps_low, nps_high FROM raw WHERE account_id = '{line:03}'")[0]
    assert found == pytest.approx(TABLE[line][2], abs=0.05)


def test_without_an_answer_there_is_no_interval(surveyed):
    silent = surveyed.rows("SELECT nps_low, nps_high FROM raw WHERE account_id = 'silent'")[0]
    assert silent == (None, None)


def test_a_change_that_is_more_than_chance():
    """120 answers against 150: Δ 21.6, p .0254, 2.7 to 40.6."""
    found = difference(Voices(48, 36, 120), Voices(75, 27, 150))
    assert (found.delta, found.low, found.high) == pytest.approx((21.6, 2.7, 40.6), abs=0.05)
    assert found.chance == pytest.approx(0.0254, abs=0.00005)
    assert found.clear


def test_a_change_that_looks_like_one_and_is_none():
    """30 answers against 30, from 10 to 27: p .45."""
    found = difference(Voices(12, 9, 30), Voices(15, 7, 30))
    assert found.chance == pytest.approx(0.45, abs=0.005)
    assert not found.clear
    assert found.low < 0 < found.high


def test_answers_of_one_account_that_agree_count_as_one():
    """Ten accounts of three like-minded people know as much as ten people; strangers as thirty."""
    voices = Voices(18, 12, 30)
    share = 6 / 30
    together = sum((3 * side - share * 3) ** 2 for side in [1] * 6 + [-1] * 4)
    assert alike(10, 30, voices, together) == pytest.approx(3 * 10 / 9)
    alone = sum((side - share) ** 2 for side in [1] * 18 + [-1] * 12)
    assert alike(30, 30, voices, alone) == pytest.approx(30 / 29)
    assert alike(1, 30, voices, 0) == 30
    wide, narrow = (interval(replace(voices, alike=each)) for each in (3.0, 1.0))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
