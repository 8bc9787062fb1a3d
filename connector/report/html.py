"""One HTML page about a run and the state it left: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

from ..errors import ConnectorError
from .facts import BINS, Facts
from .terminal import CELLS
from .texts import SAID, TEXTS, Language

_TEMPLATE = Path(__file__).with_name("page.html.j2")


def write(path: Path, facts: Facts, receipt: Mapping[str, Any], language: Language) -> None:
    """Write the page about a run that has just ended."""
    text = page(facts, receipt, language)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConnectorError(
            f"The report {path} cannot be written: {error.strerror}.",
            hint="The run itself is done; name another place with --report.",
        ) from error


def page(facts: Facts, receipt: Mapping[str, Any], language: Language) -> str:
    """The page as text."""
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    said = _Said(language)
    environment.filters.update(
        number=said.number, signed=said.signed, percent=said.percent, moment=said.moment,
        short=said.short, name=said.name,
    )  # fmt: skip
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        t=said.texts,
        language=language,
        facts=facts,
        run=receipt,
        calls=sum(lane["actual"] for lane in receipt["calls"].values()),
        cells=CELLS,
        tallest=max((*facts.histogram, 1)),
        bins=BINS,
        rule=lambda name: _rule(facts, said, name),
    )


@dataclass(frozen=True, slots=True)
class _Said:
    """Numbers, moments and names as a language writes them."""

    language: Language

    @property
    def texts(self) -> dict[str, str]:
        return {name: words[self.language] for name, words in TEXTS.items()}

    def number(self, value: float | None, digits: int = 0) -> str:
        if value is None:
            return "–"
        text = f"{value:,.{digits}f}".replace("-", "−")
        return text.translate(_GERMAN) if self.language == "de" else text

    def signed(self, value: float | None, digits: int = 1) -> str:
        if value is None:
            return "–"
        return f"{'+' if value > 0 else ''}{self.number(value, digits)}"

    def percent(self, part: float, whole: float, digits: int = 0) -> str:
        return f"{self.number(100 * part / whole, digits)} %" if whole else "–"

    def short(self, value: float | None) -> str:
        """An amount as people say it: 1.2 M."""
        for size, unit in ((1e9, _UNITS["G"]), (1e6, _UNITS["M"]), (1e3, _UNITS["k"])):
            if value is not None and abs(value) >= size:
                return f"{self.number(value / size, 1)} {unit[self.language]}"
        return self.number(value)

    def moment(self, text: str) -> str:
        form = "%d.%m.%Y, %H:%M UTC" if self.language == "de" else "%Y-%m-%d, %H:%M UTC"
        return f"{datetime.fromisoformat(text):{form}}"

    def name(self, identifier: str) -> str:
        known = SAID.get(identifier)
        return known[self.language] if known else identifier.replace("_", " ")


_GERMAN = str.maketrans(",.", ".,")
_UNITS: Mapping[str, Mapping[Language, str]] = {
    "G": {"en": "bn", "de": "Mrd."},
    "M": {"en": "M", "de": "Mio."},
    "k": {"en": "k", "de": "Tsd."},
}


def _rule(facts: Facts, said: _Said, name: str) -> str:
    """What a rule says: the label of the model's own check, or its name."""
    label = facts.checks.get(name, {}).get(said.language)
    return label or said.name(name)
