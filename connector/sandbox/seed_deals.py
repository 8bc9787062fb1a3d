"""What the accounts bought, may buy, and complained about: opportunities and cases."""

from __future__ import annotations

from .seed_names import PRODUCTS, SUBJECTS
from .seed_touches import Subject
from .seed_world import AUTHORS, DAY, HISTORY, TODAY, Company, World

OPPORTUNITY = (
    "Id",
    "AccountId",
    "OwnerId",
    "Name",
    "Type",
    "StageName",
    "Amount",
    "CloseDate",
    "Probability",
    "IsClosed",
    "IsWon",
    "Product__c",
    *AUTHORS,
    "CreatedDate",
    "SystemModstamp",
)
CASE = (
    "Id",
    "AccountId",
    "ContactId",
    "Subject",
    "Status",
    "Priority",
    "Type",
    "IsClosed",
    "IsEscalated",
    "ClosedDate",
    "Origin",
    "Satisfaction__c",
    *AUTHORS,
    "CreatedDate",
    "SystemModstamp",
)

_OPEN_STAGES = (
    ("Prospecting", 10),
    ("Qualification", 25),
    ("Proposal", 50),
    ("Negotiation", 75),
)
_KEPT = 3 * 365  # opportunities older than that were not moved into this CRM
_MEAN_CASES = {"Enterprise": 2.4, "Mid-Market": 1.1, "Small": 0.5}


def add_deals(world: World, company: Company) -> list[Subject]:
    """Writes down a company's opportunities and tells which of them activities may be about."""
    chance = world.rng.random
    if not company.pays:
        won = None if chance() < 0.6 else False
        open_until = TODAY + int(chance() * 120) if won is None else TODAY - int(chance() * 300)
        return [_deal(world, company, "New Business", open_until, company.arr, won)]
    deals = [_renewal(world, company, day) for day in _anniversaries(company)]
    if company.since > TODAY - _KEPT:
        deals.append(_deal(world, company, "New Business", company.since, company.arr * 0.8, True))
    if company.left is not None:
        deals.append(_deal(world, company, "Renewal", company.left, company.arr, False))
    for _ in range(world.some(0.5)):
        day = TODAY - HISTORY + int(chance() * (HISTORY + 100))
        if company.since < day < company.until() + 100:
            won = None if day >= TODAY else chance() < 0.45 + 0.35 * company.mood(day)
            amount = company.arr * (0.1 + 0.3 * chance())
            deals.append(_deal(world, company, "Expansion", day, amount, won))
    return deals


def _anniversaries(company: Company) -> list[int]:
    """The days a renewal was or will be due, from eighteen months ago to four months ahead."""
    end = TODAY + 120 if company.left is None else company.left
    return [day for day in range(company.since + 365, end, 365) if day > TODAY - HISTORY]


def _renewal(world: World, company: Company, day: int) -> Subject:
    amount = company.arr * (0.9 + 0.2 * world.rng.random())
    return _deal(world, company, "Renewal", day, amount, None if day >= TODAY else True)


def _deal(
    world: World, company: Company, kind: str, close: int, amount: float, won: bool | None
) -> Subject:
    chance, calendar = world.rng.random, world.calendar
    stage, probability = _OPEN_STAGES[int(chance() * 4)]
    if won is not None:
        stage, probability = ("Closed Won", 100) if won else ("Closed Lost", 0)
    made = min(close * DAY, calendar.now) - (20 + int(chance() * 90)) * DAY + 36_000
    moved = made + int(chance() * (calendar.now - made))
    if won is not None:
        moved = min(max(close * DAY + 50_000, made), calendar.now)
    product = PRODUCTS[int(chance() * len(PRODUCTS))]
    deal = world.fresh("Opportunity")()
    world.rows["Opportunity"].append(
        (
            deal,
            company.id,
            company.owner,
            f"{company.name[:90]} – {kind}",
            kind,
            stage,
            round(amount, 2) if chance() < 0.95 else None,
            calendar.days[close],
            probability,
            int(won is not None),
            int(bool(won)),
            product,
            company.owner,
            company.owner,
            calendar.stamp(made),
            calendar.stamp(moved),
        )
    )
    return Subject(deal, made // DAY, None, is_case=False)


def add_cases(world: World, company: Company) -> list[Subject]:
    """Writes down a company's support cases: more and worse ones when it is unhappy."""
    unhappy = 1.2 - company.mood(TODAY)
    mean = _MEAN_CASES[company.segment] * unhappy * (1.0 if company.pays else 0.1)
    return [_case(world, company, day) for day in world.busy_days(company, mean)]


def _case(world: World, company: Company, day: int) -> Subject:
    chance, calendar = world.rng.random, world.calendar
    mood, opened = company.mood(day), day * DAY + 25_000 + int(chance() * 40_000)
    bad = chance() > 0.75 + 0.3 * mood
    kind = ("Complaint" if chance() < 0.4 else "Problem") if bad else "Question"
    priority = (("Urgent", "High") if bad else ("Medium", "Low"))[int(chance() * 2)]
    closed = opened + int((0.5 + chance() * (14 if bad else 5)) * DAY)
    still_open = closed >= calendar.now or chance() < (0.12 if bad else 0.02)
    contact = company.people[int(chance() * len(company.people))].id if chance() < 0.75 else None
    end = None if still_open else calendar.stamp(closed)
    felt = None if still_open or chance() < 0.55 else _felt(mood, bad, chance())
    status = "Closed" if end else ("New", "Working", "Waiting")[int(chance() * 3)]
    case, made = world.fresh("Case")(), calendar.stamp(opened)
    world.rows["Case"].append(
        (
            case,
            company.id,
            contact,
            _subject(chance()),
            status,
            priority,
            kind,
            int(not still_open),
            int(bad and chance() < 0.3),
            end,
            ("Email", "Phone", "Web")[int(chance() * 3)],
            felt,
            company.owner,
            company.owner,
            made,
            end or made,
        )
    )
    return Subject(case, day, contact, is_case=True)


def _subject(chance: float) -> str:
    subjects = SUBJECTS["case"]
    return subjects[int(chance * len(subjects))]


def _felt(mood: float, bad: bool, chance: float) -> float:
    return float(min(5, max(1, round(3.4 + 1.4 * mood - bad + 1.6 * (chance - 0.5)))))
