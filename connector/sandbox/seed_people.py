"""Who there is in the seeded world: account managers, companies, their people."""

from __future__ import annotations

from math import log

from . import seed_names as names
from .seed_world import AUTHORS, DAY, PATHS, TODAY, Company, Path, Person, World

USER = ("Id", "Name", "Email", "Username", "IsActive", "CreatedDate")
ACCOUNT = (
    "Id",
    "Name",
    "ParentId",
    "OwnerId",
    "Type",
    "Industry",
    "Website",
    "BillingCountry",
    "AnnualRevenue",
    "NumberOfEmployees",
    "LastActivityDate",
    "ARR__c",
    "Customer_Number__c",
    "Segment__c",
    "CSM_Sentiment__c",
    "CSM_Sentiment_Date__c",
    "Advocacy__c",
    "Goals_Total__c",
    "Goals_Reached__c",
    "Onboarding_Status__c",
    "Renewal_Date__c",
    *AUTHORS,
    "CreatedDate",
    "SystemModstamp",
)
CONTACT = (
    "Id",
    "AccountId",
    "FirstName",
    "LastName",
    "Name",
    "Email",
    "Title",
    "Role__c",
    *AUTHORS,
    "CreatedDate",
    "SystemModstamp",
)

_WEIGHTS = [path.share for path in PATHS]
_SITES = ("https://www.{}", "https://{}", "www.{}", "http://{}/", "{}")
_ROLES = ("Decision maker", "Influencer", "Influencer", "User", "User", "User")
_GIANT = 1_100_000
_MEAN_PEOPLE = {"Enterprise": 4.5, "Mid-Market": 2.6, "Small": 1.2}


def add_owners(world: World, accounts: int) -> None:
    """Adds the account managers; one in twenty has left the company."""
    fresh, rng, rows = world.fresh("User"), world.rng, world.rows["User"]
    for number in range(12 + accounts // 40):
        first, last = names.person(rng, german=number % 3 != 0)
        address = f"{names.plain(first)}.{names.plain(last)}{number}@nordlicht.example"
        created = world.calendar.stamp(int(TODAY - 3_000 + rng.random() * 2_900) * DAY + 28_800)
        owner = fresh()
        world.owners.append(owner)
        active = int(number % 20 != 19)
        rows.append((owner, f"{first} {last}", address, address, active, created))


def new_company(world: World, number: int, known: list[Company]) -> Company:
    """Invents a company: its fate first, then what the CRM knows of it."""
    rng, pick = world.rng, world.rng.random
    country = names.COUNTRIES[int(pick() * len(names.COUNTRIES))]
    name, domain = names.company(rng, country, number)
    if known and pick() < 0.03:
        name = names.lookalike(rng, known[int(pick() * len(known))].name)
    parent = known[int(pick() * len(known))] if known and pick() < 0.06 else None
    if parent and pick() < 0.5:
        domain = parent.domain
    path = rng.choices(PATHS, _WEIGHTS)[0]
    turn, since, left = _fate(world, path)
    arr = round(rng.lognormvariate(log(18_000), 1.5) + _GIANT * (number % 173 == 5), 2)
    account, owner = world.fresh("Account")(), world.owners[int(pick() * len(world.owners))]
    kind, segment = _type(pick(), left), _segment(arr)
    return Company(
        id=account,
        number=number,
        name=name,
        domain=domain,
        website=None if pick() < 0.08 else _SITES[int(pick() * len(_SITES))].format(domain),
        country=country,
        type=kind,
        path=path,
        since=since,
        turn=turn,
        left=left,
        segment=segment,
        revenue=int(arr * rng.lognormvariate(log(600), 0.8)),
        arr=arr,
        owner=owner,
        parent=parent.id if parent else None,
        people=_people(world, account, owner, country, domain, since, _MEAN_PEOPLE[segment]),
    )


def _fate(world: World, path: Path) -> tuple[int, int, int | None]:
    """The turning point, the first day as a customer, and the last one if it left."""
    pick = world.rng.random
    if path.name == "new":
        turn = TODAY - 15 * (2 + int(pick() * 9))
        return turn, turn, None
    turn = TODAY - 15 * (3 + int(pick() * 24))
    since = turn - 220 - int(pick() * 2_500)
    left = turn + 110 + int(pick() * 40) if path.name == "leaving" else None
    return turn, since, left if left and left < TODAY else None


def _type(chance: float, left: int | None) -> str:
    if left is not None:
        return "Former Customer"
    return "Customer" if chance < 0.8 else "Prospect" if chance < 0.95 else "Partner"


def _segment(arr: float) -> str:
    return "Enterprise" if arr > 100_000 else "Mid-Market" if arr > 25_000 else "Small"


def _people(
    world: World,
    account: str,
    owner: str,
    country: str,
    domain: str,
    since: int,
    mean: float,
) -> tuple[Person, ...]:
    rng, pick, fresh = world.rng, world.rng.random, world.fresh("Contact")
    days, rows = world.calendar, world.rows["Contact"]
    german = country in {"Germany", "Austria", "Switzerland"}
    people = []
    for place in range(min(1 + world.some(mean - 0.5), 25)):
        first, last = names.person(rng, german=german)
        person = Person(fresh(), first, last, _email(pick(), pick(), first, last, domain))
        created = since * DAY + int(pick() ** 3 * (TODAY - 1 - since) * DAY * (place > 0))
        changed = created + int(pick() ** 6 * (days.now - created))
        title = names.TITLES[int(pick() * len(names.TITLES))]
        role = _ROLES[0] if place == 0 else _ROLES[int(pick() * 6)]
        rows.append(
            (
                person.id,
                account,
                first,
                last,
                f"{first} {last}",
                person.email,
                title,
                role if pick() < 0.85 else None,
                owner,
                owner,
                days.stamp(created),
                days.stamp(changed),
            )
        )
        people.append(person)
    return tuple(people)


def _email(chance: float, other: float, first: str, last: str, domain: str) -> str | None:
    given, family = names.plain(first), names.plain(last)
    if chance < 0.04:
        return None
    if chance < 0.08:
        return f"info@{domain}"
    if chance < 0.13:
        return f"{given}.{family}{int(other * 90)}@{names.FREE_MAIL[int(other * 6)]}"
    if chance < 0.14:
        # a consultant who looks after many customers is a contact of each of them
        return f"projekt{int(other * 40)}@beratung-{int(other * 40)}.de"
    return f"{given}.{family}@{domain}" if chance < 0.75 else f"{given[0]}.{family}@{domain}"


def add_account(world: World, company: Company, last_activity: int | None) -> None:
    """Writes down what the CRM knows of a company."""
    pick, days, pays = world.rng.random, world.calendar, company.pays
    # it was a prospect for a while before it became a customer
    created = (company.since - 115) * DAY + 27_000 + int(pick() * 30_000)
    changed = max(created, days.now - 60 - int(pick() ** 3 * (days.now - created)))
    world.rows["Account"].append(
        (
            company.id,
            company.name,
            company.parent,
            company.owner,
            company.type,
            names.INDUSTRIES[int(pick() * len(names.INDUSTRIES))],
            company.website,
            company.country,
            company.revenue if pick() < 0.9 else None,
            max(1, int(company.revenue / 180_000)) if pick() < 0.9 else None,
            None if last_activity is None else days.days[last_activity],
            company.arr if pays else None,
            company.key,
            company.segment,
            *_sentiment(world, company),
            _advocacy(world, company),
            *_goals(world, company),
            _onboarding(pick(), company),
            _renewal(world, company),
            company.owner,
            company.owner,
            days.stamp(created),
            days.stamp(changed),
        )
    )


def _sentiment(world: World, company: Company) -> tuple[float | None, str | None]:
    """What the account manager feels, and when: often early to see it, sometimes long ago."""
    pick = world.rng.random
    if not company.pays or pick() < 0.35:
        return None, None
    day = max(TODAY - 1 - int(pick() ** 2 * 300), company.since)
    felt = 3 + 2 * company.mood(day + 30) + world.rng.gauss(0, 0.6)
    return float(min(5, max(1, round(felt)))), world.calendar.days[day]


def _advocacy(world: World, company: Company) -> str | None:
    if not company.pays or world.rng.random() < 0.4:
        return None
    mood = company.mood(TODAY) + world.rng.gauss(0, 0.15)
    if mood > 0.8:
        return "Reference"
    return "Quiet advocate" if mood > 0.5 else "Neutral" if mood > -0.3 else "Critic"


def _goals(world: World, company: Company) -> tuple[float | None, float | None]:
    if not company.pays or world.rng.random() < 0.5:
        return None, None
    total = 2 + int(world.rng.random() * 5)
    reached = round(total * (0.55 + 0.4 * company.mood(TODAY)) + world.rng.gauss(0, 0.5))
    return float(total), float(min(max(reached, 0), total))


def _onboarding(chance: float, company: Company) -> str | None:
    if not company.pays:
        return None
    if TODAY - company.since > 180:
        return "Done" if chance < 0.97 else "Stalled"
    return "Running" if chance < 0.6 else "Done" if chance < 0.85 else "Stalled"


def _renewal(world: World, company: Company) -> str | None:
    """The next anniversary of the contract; for those who left, the one they let pass."""
    if not company.pays:
        return None
    if company.left is not None:
        return world.calendar.days[company.left]
    years = (TODAY - company.since) // 365 + 1
    return world.calendar.days[company.since + 365 * years]
