"""An org with several currencies: every amount has its own, and rates lead to the corporate one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from sqlglot import expressions as exp

from ..store import Field, Object, Store, quoted

CODE = "CurrencyIsoCode"
CORPORATE = "EUR"
#: Rates: so much of a currency is worth one of the corporate currency. CHF is no longer in use.
RATES = {"EUR": 1.0, "USD": 1.08, "GBP": 0.86, "CHF": 0.95}
ACTIVE = ("EUR", "USD", "GBP")
#: Of twenty accounts so many have each currency.
SPREAD = {"EUR": 14, "USD": 4, "GBP": 2}
DECIMALS = 2
FIRST_DAY, LAST_DAY = "1700-01-01", "9999-12-31"
MONTHS = 36
#: By how much a rate moves from month to month, in a pattern that comes back after a year.
_SWING = (0.0, 0.01, 0.02, 0.01, 0.0, -0.01, -0.02, -0.03, -0.02, -0.01, 0.0, 0.01)

FIELD = Field(
    CODE, "picklist", "Account Currency", length=255, choices=ACTIVE, restricted=True,
    default=CORPORATE,
)  # fmt: skip
TYPE = (
    Field("IsoCode", "picklist", length=255, choices=tuple(RATES), nillable=False),
    Field("ConversionRate", "double", precision=18, scale=6, nillable=False),
    Field("DecimalPlaces", "int", nillable=False),
    Field("IsActive", "boolean", nillable=False, default=True),
    Field("IsCorporate", "boolean", nillable=False, default=False),
)
DATED = (
    Field("IsoCode", "picklist", length=255, choices=tuple(RATES), nillable=False),
    Field("StartDate", "date", nillable=False),
    Field("NextStartDate", "date", createable=False, updateable=False),
    Field("ConversionRate", "double", precision=18, scale=6, nillable=False),
)


def enable(store: Store, *, dated: bool) -> None:
    """Gives every amount a currency, and the org its rates; with `dated`, rates by day too."""
    with store.transaction():
        if "CurrencyType" not in store.objects():
            _add_types(store)
        for name, described in store.objects().items():
            kinds = {each.type for each in described.fields.values()}
            if "currency" in kinds and CODE not in described.fields:
                store.add_field(name, FIELD)
                _spread(store, name, described)
        if dated and "DatedConversionRate" not in store.objects():
            store.create("DatedConversionRate", DATED, prefix="04w")
            columns = [each.name for each in DATED]
            store.insert("DatedConversionRate", columns, _dated(store.clock.now().date()))


def converted(store: Store, fields: Mapping[str, Field], amount: exp.Expr) -> exp.Expr:
    """An amount in the currency of the user, which is the corporate one."""
    name, day = "CurrencyType", ""
    if "DatedConversionRate" in store.objects() and "CloseDate" in fields:
        name = "DatedConversionRate"
        day = " and StartDate <= t.CloseDate and NextStartDate > t.CloseDate"
    rate = f"(select ConversionRate from {name} where IsoCode = t.{CODE}{day})"
    own: exp.Expr = exp.maybe_parse(rate, dialect="sqlite")
    divided = exp.Div(this=amount, expression=own)
    return exp.Anonymous(this="round", expressions=[divided, exp.Literal.number(DECIMALS)])


def _add_types(store: Store) -> None:
    store.create("CurrencyType", TYPE, prefix="01L")
    rows = [(code, rate, DECIMALS, int(code in ACTIVE), int(code == CORPORATE))
            for code, rate in RATES.items()]  # fmt: skip
    store.insert("CurrencyType", [each.name for each in TYPE], rows)


def _spread(store: Store, name: str, described: Object) -> None:
    """Accounts get their currencies by turns; what belongs to an account has that of the account.

    Nobody touched these records, so their stamps stay.
    """
    own = name == "Account" or "AccountId" not in described.fields
    if not own:
        store.db.execute(
            f"update {quoted(name)} set {CODE} = coalesce((select a.{CODE} from Account a"
            f" where a.Id = {quoted(name)}.AccountId), {CODE})"
        )
        return
    turns = [code for code, share in SPREAD.items() for _ in range(share)]
    ids = store.db.execute(f"select Id from {quoted(name)} order by Id").fetchall()
    # 7 and 20 share no factor, so that neighbours differ and every turn is taken
    rows = ((turns[place * 7 % len(turns)], id_) for place, (id_,) in enumerate(ids))
    store.db.executemany(f"update {quoted(name)} set {CODE} = ? where Id = ?", rows)


def _dated(today: date) -> Iterator[tuple[str, str, str, float]]:
    """One rate a month for three years, without a gap from the first day to the last."""
    months = [today.replace(day=1)]
    while len(months) < MONTHS:
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    starts = [FIRST_DAY, *(each.isoformat() for each in reversed(months))]
    for code, rate in RATES.items():
        for place, (start, end) in enumerate(zip(starts, [*starts[1:], LAST_DAY], strict=True)):
            swing = 0.0 if code == CORPORATE else _SWING[place % len(_SWING)]
            yield code, start, end, round(rate * (1 + swing), 6)
