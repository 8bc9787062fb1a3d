"""The configuration: all mistakes of all files at once, and what is opened from it."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.config import load, open_app
from connector.errors import ConfigError

ROOT = Path(__file__).parents[1]
CRM = """\
[crm]
type = "salesforce"
[crm.auth]
flow = "jwt"
client_id = "c"
username = "u"
private_key = "env:KEY"
"""
INVOICES = """\
[sources.invoices]
type = "file"
path = "invoices.csv"
stream = "signals"
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write config.toml beside the shipped mappings."""
    shutil.copytree(ROOT / "mappings", tmp_path / "mappings")
    monkeypatch.setenv("KEY", "k")

    def config(text: str) -> Path:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return config


def problems(path: Path) -> list[tuple[str, int, str]]:
    """File, line and message of every mistake."""
    with pytest.raises(ConfigError) as failed:
        load(path)
    return [(each.file, each.line, each.what) for each in failed.value.problems]


def test_a_right_configuration_loads(write: Write) -> None:
    """A CRM is all it takes."""
    assert load(write(CRM)).crm.name == "salesforce"


def test_one_mistake_does_not_hide_those_of_other_files(write: Write, tmp_path: Path) -> None:
    """Settings, adapters, mapping and model are all looked at."""
    for name in ("salesforce", "health"):
        with (tmp_path / f"mappings/{name}.toml").open("a") as file:
            file.write(f"\n[{name}_typo]\nx = 1\n")
    zenloop = '[sources.nps]\ntype = "zenloop"\ntokn = "env:T"\n'
    path = write('[guards]\nmax_change = "many"\n' + CRM.replace("username", "usrname") + zenloop)
    assert [(file, what) for file, _, what in problems(path)] == [
        ("config.toml", 'max_change is "many"'),
        ("config.toml", "'username' is missing"),
        ("config.toml", "unknown key 'usrname'"),
        ("config.toml", "'token' is missing"),
        ("config.toml", "unknown key 'tokn'"),
        ("mappings/health.toml", "unknown key 'health_typo'"),
        ("mappings/salesforce.toml", "unknown key 'salesforce_typo'"),
    ]


def test_a_file_that_is_not_there_is_one_mistake_among_others(write: Write) -> None:
    """It hides neither the other file nor the configuration."""
    path = write(CRM + '[files]\nmodel = "no.toml"\nmapping = "nor.toml"\n[budget]\nshare = 2\n')
    found = problems(path)
    assert len(found) == 3
    assert sum("cannot be read: No such file" in what for _, _, what in found) == 2


def test_a_table_that_is_none_is_a_mistake_and_no_crash(write: Write) -> None:
    """Whatever stands in the place of a table, the rest is read with the defaults."""
    path = write("crm = 1\nsources = 2\nfiles = 3\nguards = 4\n")
    assert {line for _, line, _ in problems(path)} == {1, 2, 3, 4}


def test_a_crm_without_a_type_is_a_mistake(write: Write) -> None:
    """An empty table is no CRM."""
    assert problems(write("[crm]\n")) == [("config.toml", 1, "[crm] has no type")]


@pytest.mark.parametrize(
    ("rest", "line", "what"),
    [
        ("columns = { id = 'a b c' }", 12, "SQL that does not parse"),
        ("columns = { id = 'a', ocurred_at = 'b' }", 12, "signals has no column 'ocurred_at'"),
        (
            "columns = { id = 'a' }\nrequired = ['id', 'value']",
            13,
            "required 'value' is not in columns",
        ),
        ("columns = { kind = 'a' }", 8, "required 'id' is not in columns"),
    ],
)
def test_the_columns_of_a_file_are_checked_before_it_is_opened(
    write: Write, rest: str, line: int, what: str
) -> None:
    """SQL, canonical names and what is required, each with its line."""
    ((file, at, said),) = problems(write(CRM + INVOICES + rest + "\n"))
    assert (file, at) == ("config.toml", line)
    assert said.startswith(what)


REST = """\
[sources.mine]
type = "rest"
url = "https://api.example/v1"
auth = { kind = "bearer", secret = "env:MINE" }
stream = "responses"
path = "answers"
"""
COLUMNS = "columns = { id = 'id', submitted_at = 'at', score = 's' }\n"


@pytest.mark.parametrize(
    ("rest", "line", "what"),
    [
        ("columns = { score = 's' }", 8, "columns have no id and no submitted_at"),
        ("columns = { id = 'id', submitted_at = 'max(at)' }", 14, "an aggregate (max) where one"),
        (
            COLUMNS + "odd = { bad = 'score >' }",
            15,
            "SQL that does not parse: something is missing",
        ),
        (COLUMNS + "odd = { bad = 'score' }", 15, "gives text"),
        (COLUMNS + "query = { from = '{since:isoo}' }", 15, "query: from asks for {since:isoo}"),
        (COLUMNS + "query = { from = '{now:iso}' }", 15, "query: from asks for {now:iso}"),
        (
            COLUMNS + "paging = { kind = 'cursor', at = 'next' }",
            15,
            "paging: paging by cursor needs",
        ),
        (COLUMNS + "each = { path = 'surveys' }", 8, "{id} in `path` and a table `each`"),
    ],
)
def test_a_description_of_an_api_is_checked_before_anything_is_asked(
    write: Write, rest: str, line: int, what: str
) -> None:
    """What would fail, or find nothing, in the middle of a run."""
    ((file, at, said),) = problems(write(CRM + REST + rest + "\n"))
    assert (file, at) == ("config.toml", line)
    assert said.startswith(what)


def test_a_description_without_a_mistake_loads(write: Write) -> None:
    """Windows, lists and rules that are right are no mistakes."""
    right = COLUMNS + (
        "odd = { bad = \"try_cast(s as double) > 10\" }\nquery = { from = '{since:unix}' }\n"
        "each = { path = 'surveys' }\npaging = { kind = 'cursor', param = 'c', at = 'next' }\n"
    )
    text = CRM + REST.replace('"answers"', '"surveys/{id}/answers"') + right
    assert list(load(write(text)).sources) == ["mine"]


@pytest.mark.parametrize(
    ("kind", "what", "fix"),
    [
        ('type = "zenlop"', "unknown type 'zenlop'", "did you mean 'zenloop'?"),
        ('type = "zenloop"', "'token' is missing", "env:NAME or file:PATH"),
    ],
)
def test_a_wrong_type_and_a_missing_secret_say_what_to_write(
    write: Write, kind: str, what: str, fix: str
) -> None:
    """The nearest type; the three ways to name a secret."""
    with pytest.raises(ConfigError) as failed:
        load(write(f"{CRM}[sources.mine]\n{kind}\n"))
    (found,) = failed.value.problems
    assert found.what == what
    assert fix in found.fix


@pytest.mark.parametrize(
    ("table", "setting"),
    [
        ("guards", "max_change = 1.1"),
        ("guards", "max_change = 30"),
        ("guards", "max_change = -0.1"),
        ("guards", "max_change = nan"),
        ("guards", "max_vanish = 2"),
        ("budget", "share = 20"),
        ("engine", 'memory = "lots"'),
        ("engine", 'memory = "512"'),
        ("engine", 'memory = "0MB"'),
        ("engine", "threads = 0"),
    ],
)
def test_a_value_out_of_range_is_a_mistake_on_its_line(
    write: Write, table: str, setting: str
) -> None:
    """30 was meant as 30 percent and would have been no limit at all."""
    ((_, line, what),) = problems(write(f"{CRM}[{table}]\n{setting}\n"))
    assert line == 9
    assert what.startswith(setting.partition(" ")[0])


@pytest.mark.parametrize("memory", ["512MB", "2GB", "1.5 GiB"])
def test_memory_is_written_as_one_says_it(write: Write, memory: str) -> None:
    """Number and unit."""
    assert load(write(f'{CRM}[engine]\nmemory = "{memory}"\n')).settings.engine.memory == memory


def test_a_typing_error_in_the_login_is_told_for_the_flow_that_is_meant(write: Write) -> None:
    """Nobody who logs in by JWT is asked for a client_secret."""
    path = write(CRM.replace("private_key", "privat_key"))
    assert [what for _, _, what in problems(path)] == [
        "'private_key' is missing",
        "unknown key 'privat_key'",
    ]


def test_the_data_folder_is_its_owners_alone(write: Write, tmp_path: Path) -> None:
    """It holds the names and values of customers."""
    open_app(write(CRM)).state.close()
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


@pytest.mark.parametrize("kind", ["env", "file"])
def test_the_address_of_the_state_may_be_a_secret(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A database address carries a password."""
    url = f"sqlite:///{tmp_path / 'elsewhere.sqlite'}"
    monkeypatch.setenv("STATE", url)
    (tmp_path / "STATE").write_text(url + "\n")
    open_app(write(f'{CRM}[files]\nstate = "{kind}:STATE"\n')).state.close()
    assert (tmp_path / "elsewhere.sqlite").exists()


@pytest.mark.parametrize("url", ["postgresql+pg8000://u:geheim@h/db", "postgras://u:geheim@h/db"])
def test_a_state_without_its_driver_says_what_to_install(write: Write, url: str) -> None:
    """The extra is named, the password is not."""
    with pytest.raises(ConfigError, match="driver that is not installed") as failed:
        open_app(write(f'{CRM}[files]\nstate = "{url}"\n'))
    assert "crm-health-connector[postgres]" in failed.value.hint
    assert "geheim" not in f"{failed.value}{failed.value.hint}"


def test_a_state_that_is_no_address_is_said_without_its_password(write: Write) -> None:
    """What cannot be read may still be secret."""
    with pytest.raises(ConfigError, match="not the address of a database") as failed:
        open_app(write(f'{CRM}[files]\nstate = "geheim"\n'))
    assert "geheim" not in str(failed.value)


SPARK = '\n[engine]\ntype = "spark"\n'


def test_spark_is_only_asked_for_where_it_is_chosen(write: Write) -> None:
    """Nothing of it need be installed otherwise."""
    app = open_app(write(CRM))
    assert app.scorer is None


def test_a_model_that_spark_would_score_otherwise_is_a_mistake(write: Write) -> None:
    """With the line of the model; on DuckDB it is none."""
    path = write(CRM + SPARK)
    model = path.parent / "mappings" / "health.toml"
    text = model.read_text(encoding="utf-8").replace("avg(satisfaction)", "median(satisfaction)")
    model.write_text(text, encoding="utf-8")
    line = text[: text.index("median(satisfaction)")].count("\n") + 1
    what = "on Spark median() is not known to give the same value"
    assert problems(path) == [("mappings/health.toml", line, what)]
    assert load(write(CRM)).model.measures


def test_offline_nothing_of_spark_need_be_installed(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are checked on a machine without Java; opening the parts says what is missing."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    path = write(CRM + SPARK)
    assert load(path).settings.engine.type == "spark"
    with pytest.raises(ConfigError, match="pyspark, which is not installed") as failed:
        open_app(path)
    assert "pip install 'crm-health-connector[spark]'" in failed.value.hint


@pytest.mark.parametrize(
    ("home", "said"),
    [
        ("", "Spark needs Java 17 or later, which is not installed"),
        ("nowhere", "none in JAVA_HOME"),
    ],
)
def test_without_java_it_is_said_what_to_install(
    write: Write, monkeypatch: pytest.MonkeyPatch, home: str, said: str
) -> None:
    """Before anything is pulled."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setenv("JAVA_HOME", home)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match=said) as failed:
        open_app(write(CRM + SPARK))
    assert failed.value.hint


def test_what_spark_is_told_comes_from_the_configuration(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it runs, its memory, a folder beside the configuration, and settings of its own."""
    monkeypatch.setattr("connector.engines.spark.missing", lambda: None)
    table = '[engine.spark]\nmaster = "yarn"\nmemory = "8GB"\nscratch = "shared"\n'
    conf = '[engine.spark.conf]\n"spark.executor.instances" = "4"\n'
    path = write(CRM + SPARK + table + conf)
    told = open_app(path).scorer.keywords
    assert told == {
        "master": "yarn",
        "memory": "8GB",
        "scratch": path.parent / "shared",
        "conf": {"spark.executor.instances": "4"},
    }
