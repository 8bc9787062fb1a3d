"""How sure an NPS is: the interval around it, and whether two of them differ by more than chance.

Few answers that agree have no spread, and yet prove nothing: three answers are added, as the
adjusted Wald interval does. Answers of one account resemble one another, so together they count as
fewer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

#: The quantile of 95 %.
Z = 1.959964
#: How many answers are added; a quarter of them promote, a quarter detract.
ADDED = 3


@dataclass(frozen=True, slots=True)
class Voices:
    """Answers by kind. `alike`: how many of them say as much as one alone would, 1 or more."""

    promoters: float
    detractors: float
    answers: float
    alike: float = 1.0

    @property
    def nps(self) -> float | None:
        """Promoters less detractors in percent; None without answers."""
        return 100 * (self.promoters - self.detractors) / self.answers if self.answers else None


@dataclass(frozen=True, slots=True)
class Difference:
    """From one NPS to another, in points, with its interval; `chance` is how often chance alone
    would give as much."""

    delta: float
    low: float
    high: float
    chance: float

    @property
    def clear(self) -> bool:
        """Whether it is more than chance would give in 19 of 20 cases."""
        return self.chance < 0.05


def interval(voices: Voices) -> tuple[float, float]:
    """Where the NPS of everybody lies in 19 of 20 cases."""
    centre, error = _adjusted(voices)
    return max(centre - Z * error, -100.0), min(centre + Z * error, 100.0)


def difference(before: Voices, after: Voices) -> Difference:
    """Two groups of answers that were given independently."""
    (first, one), (second, other) = _adjusted(before), _adjusted(after)
    delta, error = second - first, math.hypot(one, other)
    chance = math.erfc(abs(delta / error) / math.sqrt(2))
    return Difference(delta, delta - Z * error, delta + Z * error, chance)


def _adjusted(voices: Voices) -> tuple[float, float]:
    """The NPS with the added answers, and its standard error."""
    promoters, detractors, answers = (
        each / voices.alike for each in (voices.promoters, voices.detractors, voices.answers)
    )
    answers += ADDED
    p, d = (promoters + ADDED / 4) / answers, (detractors + ADDED / 4) / answers
    return 100 * (p - d), 100 * math.sqrt((p + d - (p - d) ** 2) / answers)


def alike(accounts: int, answers: int, voices: Voices, spread: float) -> float:
    """How many answers say as much as one, where those of an account resemble one another.

    `spread` is the sum over accounts of (x − NPS · n)²: n answers, x promoters less detractors.
    """
    share = (voices.promoters - voices.detractors) / answers
    one_sided = (voices.promoters + voices.detractors) / answers
    if accounts < 2:
        return float(answers)
    apart = answers * (one_sided - share**2)
    return max(spread * accounts / (accounts - 1) / apart, 1.0) if apart else 1.0
