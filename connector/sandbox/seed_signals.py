"""What arrives as files in the seeded world: invoices and how they are paid, product usage."""

from __future__ import annotations

from .seed_names import FEATURES
from .seed_world import HISTORY, TODAY, Company, World

_INVOICES_A_YEAR = {"Enterprise": 4, "Mid-Market": 2, "Small": 1}
_BROKEN_INVOICE, _BROKEN_USAGE = 150, 400  # one row in so many is wrong
_SNAPSHOT, _MEASURED = 30, 210  # the product counts every month and keeps seven of them


def add_invoices(world: World, company: Company) -> None:
    """Writes down the invoices of eighteen months; the unhappy pay late or not at all."""
    if not company.pays:
        return
    chance, rows, each = world.rng.random, world.rows["file_invoices"], _INVOICES_A_YEAR
    step = 365 // each[company.segment]
    amount = german(company.arr / each[company.segment])
    first = max(company.since, TODAY - HISTORY) + int(chance() * step)
    for day in range(first, min(company.until(), TODAY), step):
        due = day + (14 if chance() < 0.5 else 30)
        paid = due + int(world.rng.gauss(4 - 18 * company.mood(day), 9))
        settled = max(paid, day + 1) if chance() < 0.97 + 0.1 * company.mood(day) else TODAY
        number = world.count("invoice")
        fields = [
            f"R{number:07d}",
            company.key,
            amount,
            "EUR" if chance() < 0.97 else "CHF",
            _dotted(world, day),
            _dotted(world, due),
            _dotted(world, settled) if settled < TODAY else "",
        ]
        if number % _BROKEN_INVOICE == _BROKEN_INVOICE // 2:
            _break_invoice(fields, number // _BROKEN_INVOICE)
        rows.append(tuple(fields))


def _break_invoice(fields: list[str], kind: int) -> None:
    place, value = ((4, "31.02.2026"), (2, "auf Anfrage"), (1, ""), (1, "K-999999"))[kind % 4]
    fields[place] = value


def _dotted(world: World, day: int) -> str:
    year, month, date = world.calendar.days[day].split("-")
    return f"{date}.{month}.{year}"


def german(amount: float) -> str:
    """An amount as bookkeeping writes it in German: `1.234,50`."""
    return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))


def add_usage(world: World, company: Company) -> None:
    """Writes down monthly counts of what a company used, for those that can be measured."""
    chance, rows = world.rng.random, world.rows["file_usage"]
    if not company.pays or company.path.name == "silent" or chance() < 0.35:
        return
    account = company.id if chance() < 0.92 else company.key
    seats = max(2, int(company.arr / 900))
    known = 1 + int(chance() * 2.4)
    features = [FEATURES[(company.number + place) % len(FEATURES)] for place in range(known)]
    for day in range(TODAY - 1, max(company.since, TODAY - _MEASURED), -_SNAPSHOT):
        if day > company.until():
            continue
        share = 0.5 + 0.45 * company.mood(day)
        active = max(0, round(seats * share * (0.85 + 0.3 * chance())))
        for feature in features:
            events = round(active * (4 + 20 * chance()))
            number = world.count("usage")
            fields = [
                account,
                company.key,
                world.calendar.days[day],
                feature,
                str(events),
                str(active),
            ]
            if number % _BROKEN_USAGE == _BROKEN_USAGE // 2:
                _break_usage(fields, number // _BROKEN_USAGE)
            rows.append(tuple(fields))


def _break_usage(fields: list[str], kind: int) -> None:
    place, value = (
        (2, "2026-13-45"),
        (4, "n/a"),
        (0, ""),
        (0, "001000000000404AAA"),
    )[kind % 4]
    fields[place] = value
    if place == 0:  # whoever it is about is not known by its number either
        fields[1] = value and "K-999999"
