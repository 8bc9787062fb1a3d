"""Amounts in minor units: 1999 is 19.99 EUR, but 1999 JPY."""

from __future__ import annotations

from ..mapping.casts import text

#: Currencies without a minor unit, and those with a thousandth.
WHOLE = (
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga",
    "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf",
)  # fmt: skip
THOUSANDTHS = ("bhd", "jod", "kwd", "omr", "tnd")


def major(amount: str, currency: str) -> str:
    """SQL for an amount in the unit that people pay in."""
    return (
        f"cast({amount} as double) / case when lower({currency}) in ({_listed(WHOLE)}) then 1"
        f" when lower({currency}) in ({_listed(THOUSANDTHS)}) then 1000 else 100 end"
    )


def _listed(currencies: tuple[str, ...]) -> str:
    return ", ".join(map(text, currencies))
