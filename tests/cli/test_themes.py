"""connector themes: what answers are about, without saying who said it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .conftest import Command


@pytest.fixture(scope="module")
def installation(synced: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of an installation that has synced, so that others keep theirs."""
    folder = tmp_path_factory.mktemp("themes") / "it"
    shutil.copytree(synced.parent, folder)
    return folder / "config.toml"


def test_themes_are_counted_and_named_in_either_language(
    connector: Command, installation: Path
) -> None:
    """Init has written the dictionary; labels of the survey platform are called by its names."""
    found = connector("-c", installation, "themes", "--json").json
    assert found["answers"] == sum(
        found[each] for each in ("labelled", "found", "without", "other_language")
    )
    assert found["labelled"] > 0
    for each in found["themes"]:
        assert set(each["label"]) == {"de", "en"}
        assert 0 < each["answers"] <= found["answers"]
        assert each["accounts"] <= each["answers"]
        assert each["nps"] is None or -100 <= each["nps"] <= 100
    (delivery,) = [each for each in found["themes"] if each["theme"] == "delivery"]
    assert delivery["label"] == {"de": "Lieferung", "en": "Delivery"}
    english = connector("-c", installation, "themes").out
    german = connector("-c", installation, "themes", "--lang", "de").out
    assert f"Themes of {found['answers']} answers" in english
    assert "Delivery " in english
    assert f"Themen von {found['answers']} Antworten" in german
    assert "Lieferung " in german


def test_a_window_is_a_length_of_time(connector: Command, installation: Path) -> None:
    """Anything else is a mistake of the one who typed it."""
    said = connector("-c", installation, "themes", "--window", "soon")
    assert said.exit == 2
    assert "write 30m, 12h, 90d or 2w" in said.err
    assert "No answer" in connector("-c", installation, "themes", "--window", "1s").out


def test_a_mistake_in_the_dictionary_is_found_offline(
    connector: Command, installation: Path, tmp_path: Path
) -> None:
    """With file and line, like those of mapping and model; an example that fails likewise."""
    folder = tmp_path / "it"
    shutil.copytree(installation.parent, folder)
    file = folder / "mappings" / "themes.toml"
    right = file.read_text(encoding="utf-8")
    file.write_text(right.replace('"liefer*"', '"lie*fer"'), encoding="utf-8")
    said = connector("-c", folder / "config.toml", "check", "--offline")
    line = right[: right.index('"liefer*", "*lieferung",')].count("\n") + 1
    assert said.exit == 2
    assert f"mappings/themes.toml:{line}: 'lie*fer'" in said.err
    file.write_text(right.replace('"rechnung", ', ""), encoding="utf-8")
    said = connector("-c", folder / "config.toml", "check", "--offline")
    assert said.exit == 2
    assert "the example gives themes = " in said.err


def test_without_a_dictionary_there_are_the_labels_of_platforms(
    connector: Command, installation: Path, tmp_path: Path
) -> None:
    """An installation from before there was one goes on; a file named wrongly is a mistake."""
    folder = tmp_path / "it"
    shutil.copytree(installation.parent, folder)
    config = folder / "config.toml"
    (folder / "mappings" / "themes.toml").rename(folder / "mappings" / "words.toml")
    found = connector("-c", config, "themes", "--json").json
    assert found["labelled"] > 0
    assert "Delivery" in {each["theme"] for each in found["themes"]}
    named = config.read_text(encoding="utf-8").replace("mappings/themes.toml", "mappings/x.toml")
    config.write_text(named, encoding="utf-8")
    said = connector("-c", config, "themes")
    assert said.exit == 2
    assert "mappings/x.toml" in said.err
    config.write_text(named.replace("x.toml", "words.toml"), encoding="utf-8")
    found = connector("-c", config, "themes", "--json").json
    assert "delivery" in {each["theme"] for each in found["themes"]}
