"""Where settings come from, which of them win, and what is said about those that are not usable."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from beacon_cli.config import load_settings
from beacon_cli.console.redaction import redacted
from beacon_cli.errors import ConfigError
from beacon_cli.settings import Settings
from tests.unit.config.conftest import load, refusal

# Files and variables


def test_the_environment_wins_over_the_file_key_by_key() -> None:
    settings = load("[limits]\nattempts = 2\nmax_in_flight = 5\n", LIMITS__ATTEMPTS="4", LIMITS__ANSWER_TIMEOUT="90s")
    assert (settings.limits.attempts, settings.limits.max_in_flight) == (4, 5)
    assert settings.limits.answer_timeout == 90
    assert settings.limits.model_fields_set == {"attempts", "max_in_flight", "answer_timeout"}


def test_an_empty_variable_sets_nothing() -> None:
    assert load("[limits]\nattempts = 2\n", LIMITS__ATTEMPTS="", PROXY_KEY="").limits.attempts == 2


def test_the_nearest_file_above_is_found_and_another_can_be_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "beacon.toml").write_text("[limits]\nattempts = 2\n")
    (folder / "other.toml").write_text("[limits]\nattempts = 3\n")
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert load_settings().limits.attempts == 2
    assert load(CONFIG=str(folder / "other.toml")).limits.attempts == 3
    assert load_settings(folder / "other.toml").limits.attempts == 3


@pytest.mark.parametrize("spelling", ["us", "US", "US-EAST"])
@pytest.mark.parametrize("variable", ["US", "us", "US_EAST"])
def test_a_region_of_the_file_and_one_of_the_environment_are_one(spelling: str, variable: str) -> None:
    content = f"[regions.{spelling}]\nbase_url = 'http://file'\nmodels_url = 'http://models'\n"
    settings = load(content, **{f"REGIONS__{variable}__BASE_URL": "http://environment"})
    assert set(settings.regions) == {"us"}
    assert settings.regions["us"].base_url == "http://environment"
    assert settings.regions["us"].models_url == "http://models"


def test_a_region_named_twice_or_unknown_is_an_error_where_it_stands() -> None:
    twice = refusal("[regions.US]\nbase_url = 'http://x'\n[regions.us]\nbase_url = 'http://x'\n")
    assert "beacon.toml: regions: " in twice
    assert "twice" in twice
    assert 'beacon.toml: regions: "new mars" is not a region\'s id' in refusal("[regions.'new mars']\n")
    Path("beacon.toml").unlink()
    assert refusal(REGIONS__MARS__BASE_URL="http://x").startswith("BEACON_REGIONS__MARS__BASE_URL: unknown region")
    both = refusal(REGIONS__AP__BASE_URL="http://x", REGIONS__ASIA__BASE_URL="http://x")
    assert both.startswith("BEACON_REGIONS__AP__BASE_URL and BEACON_REGIONS__ASIA__BASE_URL set the same key")


def test_a_variable_may_be_about_a_region_of_the_file() -> None:
    content = "[regions.south-africa]\nlabel = 'ZA'\n[regions.br]\n"
    settings = load(content, REGIONS__SOUTH_AFRICA__PLACE="South Africa", REGIONS__BR__ALIASES="sa-east, sa-west")
    regions = settings.vocabulary.regions
    assert regions["south-africa"].place == "South Africa"
    assert (regions["br"].label, regions.named("SA-West")) == ("BR", regions["br"])
    assert set(load(content, REGIONS__ZA__BASE_URL="http://x").regions) == {"south-africa", "br"}
    content = "[regions.a-b]\n[regions.b]\naliases = ['a_b']\n"
    assert load(content, REGIONS__A_B__PLACE="here").regions["b"].place == "here"
    twice = refusal(
        "[regions.a-b]\n[regions.c]\naliases = ['a-b_c', 'a_b-c']\n[regions.a-b-c]\n", REGIONS__A_B_C__PLACE="x"
    )
    assert twice.startswith("BEACON_REGIONS__A_B_C__PLACE: 'a_b_c' stands for two regions, c and a-b-c")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[regions.br]\naliases = ['sa']\n[regions.cl]\naliases = ['SA']\n", "'sa' stands for two regions, br and cl"),
        ("[regions.br]\nlabel = 'SA'\n[regions.cl]\nlabel = 'sa'\n", "'sa' stands for two regions, br and cl"),
        (
            "[regions.br]\ncontainer_prefixes = ['sa-']\n[regions.cl]\ncontainer_prefixes = ['SA-']\n",
            "'sa-' stands for",
        ),
        (
            "[modal]\nmodels = ['mistral-7b']\n",
            'modal.models: unknown model "mistral-7b"; known: llama3.2-1b, qwen2.5-1.5b',
        ),
        (
            "[modal]\nregions = ['mars']\n",
            "modal.regions: unknown region 'mars'; known regions: us (US), eu (EU), apac (ASIA)",
        ),
        (
            "[regions.us-east]\n[regions.us-west]\n",
            'regions: "us-east" and "us-west" are both names of the built-in region us: write one table for it,'
            " or choose another id for a region of your own and put the name into its aliases",
        ),
        ("[regions.default]\n", 'no region can be called "default"'),
        ("[regions.br]\nlabel = 'Default'\n", 'no region can be called "default"'),
        ("[regions.br]\naliases = ['DEFAULT']\n", 'no region can be called "default"'),
    ],
)
def test_a_name_that_stands_for_two_things_or_none_is_refused(content: str, said: str) -> None:
    assert f"beacon.toml: {said}" in refusal(content)


def test_a_variable_with_an_unknown_name_is_blamed_for_it() -> None:
    assert refusal(MODAL__MODELS="foo").startswith('BEACON_MODAL__MODELS: unknown model "foo"')
    assert refusal(MODAL__REGIONS="br").startswith("BEACON_MODAL__REGIONS: unknown region 'br'")


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("[models.x]\nsource = ''\n", "models.x.source"),
        ("[models.x]\nrevision = ''\n", "models.x.revision"),
        ("[models.x]\nrevision = 'main'\n", "models.x.revision"),
        ("[models.x]\ngpu = 'L4-EXACT'\n", "models.x.gpu"),
        ("[models.x]\ngpu = 'l4-x2'\n", "models.x.gpu"),
        ("[models.x]\ngpu = 'H100-exact:2'\n", "models.x.gpu"),
        ("[regions.br]\nmodal_region = 'sa; rm -rf'\n", "regions.br.modal_region"),
        ("[regions.br]\naliases = ['']\n", "regions.br.aliases"),
        ("[regions.br]\naliases = ['sa', ' br ']\n", "regions.br.aliases"),
        ("[regions.br]\ncontainer_prefixes = ['']\n", "regions.br.container_prefixes"),
        ("[regions.br]\ncontainer_prefixes = ['u']\n", "regions.br.container_prefixes"),
    ],
)
def test_a_value_that_cannot_be_what_it_is_for_is_refused(content: str, key: str) -> None:
    assert f"beacon.toml: {key}: " in refusal(content)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("[models.x]\ncontext = true\n", "models.x.context"),
        ("[models.x]\ncontext = '4096'\n", "models.x.context"),
        ("[regions.br]\nsame_endpoint = 'yes'\n", "regions.br.same_endpoint"),
        ("[limits]\nattempts = '3'\n", "limits.attempts"),
        ("[fleet]\nper_region = 2.0\n", "fleet.per_region"),
        ("[local]\nhop_after = '5'\n", "local.hop_after"),
    ],
)
def test_values_in_a_file_have_their_types(content: str, key: str) -> None:
    assert f"beacon.toml: {key}: " in refusal(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[local.models]\ndemo = "x.yaml"\n', "local.models.demo: must be a table"),
        ('[limits]\nattempts = "3"\n', "limits.attempts: must be a whole number"),
        ("[limits]\nattempts = 0\n", "limits.attempts: must be at least 1"),
        ('[modal]\nsnapshot = "maybe"\n', "modal.snapshot: must be true or false"),
        ('[modal]\ncontainers = "one"\n', "modal.containers: must be 'model' or 'region'"),
        ("[local]\nhop_after = []\n", "local.hop_after: must be a number"),
    ],
)
def test_what_is_wrong_with_a_value_is_said_in_plain_words(content: str, said: str) -> None:
    assert refusal(content).splitlines()[0].endswith(f"beacon.toml: {said}")


def test_a_variable_is_a_text_whatever_its_key_holds() -> None:
    settings = load(LIMITS__ATTEMPTS="3", FLEET__PER_REGION="4", REGIONS__US__SAME_ENDPOINT="yes")
    assert (settings.limits.attempts, settings.fleet.per_region, settings.regions["us"].same_endpoint) == (3, 4, True)


def test_beginnings_of_containers_regions_are_taken_from_a_built_in_region_in_any_case() -> None:
    regions = load("[regions.virginia]\ncontainer_prefixes = ['US-']\n").vocabulary.regions
    assert regions.of_container("us-east-1") == regions["virginia"]


def test_what_the_file_adds_is_known_and_what_it_overrides_stays_otherwise() -> None:
    settings = load(
        "[models.mistral-7b]\nsource = 'mistralai/Mistral-7B-Instruct-v0.3'\n[local.models.demo]\nscript = 'x.yaml'\n"
        "[regions.eu]\nlabel = 'EUROPE'\n[regions.de]\naliases = ['eu-central']\n",
        MODAL__MODELS="mistral-7b,llama3.2-1b",
    )
    regions = settings.vocabulary.regions
    assert settings.known_model_ids() == ["llama3.2-1b", "qwen2.5-1.5b", "mistral-7b", "demo"]
    assert [model.id for model in settings.vocabulary.deployed] == ["mistral-7b", "llama3.2-1b"]
    assert (regions["eu"].place, regions.named("europe-west").label) == ("Europe", "EUROPE")
    assert (regions.named("eu-central").label, regions.labels) == ("DE", ["US", "EUROPE", "ASIA", "DE"])
    assert regions.or_none("EU") == regions["eu"]


def test_paths_of_the_file_are_relative_to_it_and_those_of_variables_to_the_working_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    (folder / "beacon.toml").write_text(
        "data_dir = 'data'\ncache_dir = '~/cache'\n"
        "[local.models.a]\nscript = 'a.yaml'\n[local.models.b]\ngguf = '/b.gguf'\n"
    )
    below = folder / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    settings = load(LOCAL__MODELS__C__SCRIPT="c.yaml")
    assert settings.data_path() == folder.resolve() / "data"
    assert settings.cache_path() == Path("/home/somebody/cache")
    assert {name: model.script or model.gguf for name, model in settings.local.models.items()} == {
        "a": folder / "a.yaml",
        "b": Path("/b.gguf"),
        "c": Path("c.yaml"),
    }
    assert load(DATA_DIR="elsewhere").data_path() == below.resolve() / "elsewhere"


def test_a_key_of_ones_own_endpoint_is_named_by_its_variable_in_either_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRST_KEY", "first-canary")
    monkeypatch.setenv("SECOND_KEY", "second-canary")
    settings = load(
        "[regions.us]\napi = 'openai'\nbase_url = 'https://a.example/v1'\nkey_env = 'FIRST_KEY'\n",
        REGIONS__EU__API="openai",
        REGIONS__EU__MODELS__M__KEY_ENV="SECOND_KEY",
    )
    assert settings.regions["eu"].models["m"].key_env == "SECOND_KEY"
    assert redacted("first-canary second-canary") == "*** ***"


@pytest.mark.parametrize("name", ["HEADERS", "HEADERS__X_TITLE", "MODELS__M__EXTRA"])
def test_a_table_of_ones_own_keys_is_only_in_the_file(name: str) -> None:
    assert "is not a variable of Beacon" in refusal(**{f"REGIONS__US__{name}": "x"})


# What is not usable


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("local = 3", "local"),
        ("[local]\nmodels = 3", "local.models"),
        ("[local.models]\nx = 3", "local.models.x"),
        (f"[local.models.{'m' * 256}]\ngguf = 'a'", "local.models"),
        ('[local.models."a\\u001b"]\ngguf = "a"', "local.models"),
        ("[local.models.x]\ngguf = 3", "local.models.x.gguf"),
        ("[local.models.x]\ngguf = 'a'\nscript = 'b'", "local.models.x"),
        ("regions = 3", "regions"),
        ("[regions]\nus = 'http://x'", "regions.us"),
        ("limits = []", "limits"),
        ("[limits]\nattempts = 'x'", "limits.attempts"),
        ("data_dir = '~nobody-of-that-name/x'", "data_dir"),
        ('data_dir = "a\\u0000b"', "data_dir"),
        ("surprise = 1", "surprise"),
        ("[modal]\nworkspace = 'a.b'", "modal.workspace"),
        ("[modal]\nenvironment = 'a/b'", "modal.environment"),
    ],
)
def test_a_key_of_the_file_that_is_not_usable_is_named(content: str, key: str) -> None:
    assert refusal(content).startswith(f"beacon.toml: {key}: ".replace("beacon.toml", str(Path.cwd() / "beacon.toml")))


@pytest.mark.parametrize("content", ["x = " + "[" * 9000, "x = " + "9" * 9000, "no toml", "x = '\udcff'"])
def test_a_file_that_cannot_be_read_is_named(content: str) -> None:
    Path("beacon.toml").write_bytes(content.encode(errors="surrogateescape"))
    assert "beacon.toml: " in refusal()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LIMITS__ATTEMPTS", "x"),
        ("LIMITS__JOB_TIMEOUT", "-1s"),
        ("LOCAL__HOP_AFTER", "0"),
        ("MODAL__WORKSPACE", "a b"),
        ("REGIONS__EU__HEALTH_URL", "ftp://x"),
        ("DATA_DIR", "~nobody-of-that-name/x"),
        ("DATABASE_URL", " \n"),
        ("PROXY_KEY", "\udcff"),
    ],
)
def test_a_variable_that_is_not_usable_is_named_and_not_the_file(variable: str, value: str) -> None:
    said = refusal("[limits]\nmax_in_flight = 5\n", **{variable: value})
    assert said.startswith(f"BEACON_{variable}: ")
    assert "beacon.toml:" not in said


def test_variables_that_contradict_each_other_are_both_named() -> None:
    said = refusal(LOCAL__MODELS__X__GGUF="a", LOCAL__MODELS__X__SCRIPT="b")
    assert said.startswith("BEACON_LOCAL__MODELS__X__GGUF, BEACON_LOCAL__MODELS__X__SCRIPT: give either")


@pytest.mark.parametrize(
    ("unknown", "meant"),
    [
        ("PROXY_KEYS", "BEACON_PROXY_KEY"),
        ("LIMIT__ATTEMPTS", "BEACON_LIMITS__ATTEMPTS"),
        ("LIMITS_ATTEMPTS", "BEACON_LIMITS__ATTEMPTS"),
        ("SERVICE_HOST", ""),
        ("proxy_key", ""),  # what keeps secrets out of messages knows them by their capitals
        ("REGIONS__US__BASEURL", "BEACON_REGIONS__<ID>__BASE_URL"),
        ("CONFIGS", "BEACON_CONFIG"),
    ],
)
def test_an_unknown_variable_is_an_error_with_the_nearest_name(unknown: str, meant: str) -> None:
    said = refusal(**{unknown: "canary"})
    assert said.startswith(f"BEACON_{unknown} is not a variable of Beacon")
    assert meant in said
    assert "canary" not in said


# The working folder


def test_without_a_working_folder_there_is_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert load_settings() == Settings()


def test_the_search_ends_at_a_folder_that_may_not_be_looked_into(folder: Path) -> None:
    script = (
        "import os; from beacon_cli.config import load_settings\n"
        "load_settings()\n"  # imports what it needs: another user may not be able to read this Python
        "os.chmod('.', 0)\n"
        "from beacon_cli.settings import Settings\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "try: os.stat('beacon.toml')\n"
        "except PermissionError: assert load_settings() == Settings()\n"
        "else: raise SystemExit('the folder can be looked into')\n"
    )
    (folder / "beacon.toml").write_text("[limits]\nattempts = 2\n")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    folder.chmod(0o700)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("content", "meant"),
    [
        ("[regions.br]\nlabel = 'BR'\nbase_ur = 'https://a.example'\n", "did you mean base_url? "),
        ("[regions.br.models.a]\nnam = 'b'\n", "did you mean name? "),
        ("[limit]\nattempts = 3\n", "did you mean limits? "),
        ("[limits]\nxyzzy = 3\n", ""),
    ],
)
def test_a_key_that_is_mistyped_is_told_with_what_may_be_meant(content: str, meant: str, tmp_path: Path) -> None:
    (tmp_path / "beacon.toml").write_text(content)
    with pytest.raises(ConfigError, match="unknown key") as caught:
        load_settings(tmp_path / "beacon.toml")
    assert caught.value.hint.startswith(f"{meant}beacon docs configuration lists")
