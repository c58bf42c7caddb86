"""What each variable does when it is set, unset, empty or wrong, and which market a configuration points at."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from kapman_resources import settings as module
from kapman_resources.errors import ConfigurationError
from kapman_resources.settings import Environment, MarketKind, Settings, load_settings, market_kind_of, project_root

VALUES: dict[str, tuple[str, object]] = {
    "KAPMAN_HOME": ("/srv/kapman", Path("/srv/kapman")),
    "KAPMAN_ENV": ("prod", Environment.PROD),
    "DATABASE_URL": ("postgresql://u:pw@db/kapman", SecretStr("postgresql://u:pw@db/kapman")),
    "DAGSTER_DATABASE_URL": ("postgresql://u:pw@db/runs", SecretStr("postgresql://u:pw@db/runs")),
    "FLATFILES_URL": ("s3://flatfiles", "s3://flatfiles"),
    "FLATFILES_ENDPOINT_URL": ("http://minio:9000", "http://minio:9000"),
    "AWS_ACCESS_KEY_ID": ("AKIA0", SecretStr("AKIA0")),
    "AWS_SECRET_ACCESS_KEY": ("shh", SecretStr("shh")),
    "OPTIONS_URL": ("https://api.massive.com", "https://api.massive.com"),
    "POLYGON_API_KEY": ("key", SecretStr("key")),
    "POLYGON_REQUESTS_PER_SECOND": ("0.08", 0.08),
    "POLYGON_CONCURRENCY": ("4", 4),
    "RAW_URL": ("s3://raw/kapman", "s3://raw/kapman"),
    "RAW_ENDPOINT_URL": ("http://minio:9000", "http://minio:9000"),
    "RAW_ACCESS_KEY_ID": ("AKIA1", SecretStr("AKIA1")),
    "RAW_SECRET_ACCESS_KEY": ("hush", SecretStr("hush")),
    "OHLCV_HISTORY_DAYS": ("500", 500),
    "OPTIONS_HISTORY_DAYS": ("45", 45),
    "OPTIONS_MAX_DTE": ("60", 60),
    "OPTIONS_LOWEST_STRIKE": ("0.7", 0.7),
    "OPTIONS_HIGHEST_STRIKE": ("1.3", 1.3),
    "WYCKOFF_UNIVERSE": ("all", "all"),
    "RISK_FREE_RATE": ("0.036", 0.036),
    "ETF_UNIVERSE": ("XLK, GLD,SPY", ("XLK", "GLD", "SPY")),
    "PANEL_AUTH": ("oidc", "oidc"),
    "DAGSTER_UI_URL": ("https://dagster.example.com", "https://dagster.example.com"),
    "AI_PROVIDER": ("claude", "claude"),
    "AI_MODEL": ("a-model", "a-model"),
    "AI_DAILY_BUDGET_USD": ("0.5", 0.5),
    "ANTHROPIC_API_KEY": ("key-a", SecretStr("key-a")),
    "ANTHROPIC_BASE_URL": ("http://127.0.0.1:1", "http://127.0.0.1:1"),
    "OPENAI_API_KEY": ("key-o", SecretStr("key-o")),
    "NOTIFY_URLS": ("mailto://a,b@c json://d", (SecretStr("mailto://a,b@c"), SecretStr("json://d"))),
}
UNSET: dict[str, object] = {
    "KAPMAN_ENV": Environment.DEV,
    "DATABASE_URL": None,
    "DAGSTER_DATABASE_URL": None,
    "FLATFILES_URL": None,
    "FLATFILES_ENDPOINT_URL": "https://files.massive.com",
    "AWS_ACCESS_KEY_ID": None,
    "AWS_SECRET_ACCESS_KEY": None,
    "OPTIONS_URL": None,
    "POLYGON_API_KEY": None,
    "POLYGON_REQUESTS_PER_SECOND": 80.0,
    "POLYGON_CONCURRENCY": 20,
    "RAW_URL": None,
    "RAW_ENDPOINT_URL": None,
    "RAW_ACCESS_KEY_ID": None,
    "RAW_SECRET_ACCESS_KEY": None,
    "OHLCV_HISTORY_DAYS": 730,
    "OPTIONS_HISTORY_DAYS": 90,
    "OPTIONS_MAX_DTE": 120,
    "OPTIONS_LOWEST_STRIKE": 0.5,
    "OPTIONS_HIGHEST_STRIKE": 1.5,
    "WYCKOFF_UNIVERSE": "watchlist",
    "RISK_FREE_RATE": 0.0,
    "ETF_UNIVERSE": ("XLB", "XLC", "XLE", "XLF", "XLI", "XLK", "XLP", "XLRE", "XLU", "XLV", "XLY", "SPY"),
    "PANEL_AUTH": "none",
    "DAGSTER_UI_URL": "http://127.0.0.1:3000",
    "AI_PROVIDER": "rules",
    "AI_MODEL": None,
    "AI_DAILY_BUDGET_USD": 5.0,
    "ANTHROPIC_API_KEY": None,
    "ANTHROPIC_BASE_URL": None,
    "OPENAI_API_KEY": None,
    "NOTIFY_URLS": (),
}
SECRETS = [
    "DATABASE_URL", "DAGSTER_DATABASE_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "POLYGON_API_KEY",
    "RAW_ACCESS_KEY_ID", "RAW_SECRET_ACCESS_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY",
]  # fmt: skip
LIVE_S3, LIVE_REST = "https://files.massive.com", "https://api.massive.com"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project without any of the variables; the working directory is elsewhere."""
    for name in list(os.environ):
        if name.upper() in {field.upper() for field in Settings.model_fields}:
            monkeypatch.delenv(name)
    (tmp_path / "project").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(module, "project_root", lambda: tmp_path / "project")
    return tmp_path / "project"


def configured(monkeypatch: pytest.MonkeyPatch, **variables: object) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    return load_settings()


def simulated_at(directory: Path) -> Path:
    (directory / "flatfiles").mkdir(parents=True)
    (directory / "rest").mkdir()
    (directory / "market.json").write_text("{}")
    return directory


@pytest.mark.parametrize("name", VALUES)
def test_a_variable_is_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, value = VALUES[name]

    assert getattr(configured(monkeypatch, **{name: text}), name.lower()) == value


@pytest.mark.parametrize("name", UNSET)
@pytest.mark.parametrize("how", ["unset", "empty", "empty in .env"])
def test_unset_and_empty_mean_the_default(name: str, how: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "empty":
        monkeypatch.setenv(name, "")
    elif how == "empty in .env":
        (root / ".env").write_text(f"{name}=\n")

    assert getattr(load_settings(), name.lower()) == UNSET[name]


@pytest.mark.parametrize("empty", [True, False])
def test_home_is_in_the_project_by_default(empty: bool, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if empty:
        monkeypatch.setenv("KAPMAN_HOME", "")

    settings = load_settings()

    assert settings.kapman_home == root / ".kapman"
    assert settings.simulated_market_dir == root / ".kapman" / "simulated"
    assert settings.is_embedded


def test_home_is_absolute_and_knows_the_users_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert configured(monkeypatch, KAPMAN_HOME="~/data").kapman_home == tmp_path / "data"
    assert configured(monkeypatch, KAPMAN_HOME="data").kapman_home == tmp_path / "elsewhere" / "data"


def test_every_field_of_the_class_is_tested_here() -> None:
    assert {name.lower() for name in VALUES} == set(Settings.model_fields)


def test_dot_env_is_read_from_the_projects_root_only(root: Path) -> None:
    Path(".env").write_text("OHLCV_HISTORY_DAYS=11\nKAPMAN_ENV=prod\n")
    (root.parent / ".env").write_text("OHLCV_HISTORY_DAYS=12\n")
    assert load_settings().ohlcv_history_days == 730

    (root / ".env").write_text("OHLCV_HISTORY_DAYS=13\n")
    settings = load_settings()
    assert (settings.ohlcv_history_days, settings.kapman_env) == (13, Environment.DEV)


def test_the_environment_wins_over_dot_env(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / ".env").write_text("OHLCV_HISTORY_DAYS=13\nKAPMAN_ENV=test\n")

    settings = configured(monkeypatch, OHLCV_HISTORY_DAYS=14)

    assert (settings.ohlcv_history_days, settings.kapman_env) == (14, Environment.TEST)


def test_variables_of_others_in_dot_env_do_no_harm(root: Path) -> None:
    (root / ".env").write_text("PATH_OF_SOMEONE=1\nOHLCV_HISTORY_DAYS=13\n")

    assert load_settings().ohlcv_history_days == 13


def test_settings_are_read_anew_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert configured(monkeypatch, OHLCV_HISTORY_DAYS=1).ohlcv_history_days == 1
    assert configured(monkeypatch, OHLCV_HISTORY_DAYS=2).ohlcv_history_days == 2


def test_the_root_is_the_checkout_and_without_one_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert (project_root() / "pyproject.toml").is_file()
    assert Path(module.__file__).is_relative_to(project_root())

    monkeypatch.setattr(module, "__file__", str(tmp_path / "site-packages" / "kapman_resources" / "settings.py"))
    assert project_root() == tmp_path / "elsewhere"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KAPMAN_ENV", "nonsense"),
        ("KAPMAN_ENV", "production"),
        ("POLYGON_REQUESTS_PER_SECOND", "0"),
        ("POLYGON_REQUESTS_PER_SECOND", "nan"),
        ("POLYGON_REQUESTS_PER_SECOND", "inf"),
        ("POLYGON_CONCURRENCY", "0"),
        ("POLYGON_CONCURRENCY", "2.5"),
        ("OHLCV_HISTORY_DAYS", "0"),
        ("OHLCV_HISTORY_DAYS", "-5"),
        ("OHLCV_HISTORY_DAYS", "two years"),
        ("ETF_UNIVERSE", "XLK,,SPY"),
        ("ETF_UNIVERSE", "XLK,SPY,XLK"),
        ("AI_PROVIDER", "oracle"),
        ("PANEL_AUTH", "yes"),
        ("AI_DAILY_BUDGET_USD", "-1"),
        ("AI_DAILY_BUDGET_USD", "inf"),
    ],
)
def test_a_wrong_value_is_refused_by_the_variables_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError) as refused:
        configured(monkeypatch, POLYGON_API_KEY="a-secret-key", **{name: value})

    assert name in str(refused.value).upper()
    assert "a-secret-key" not in str(refused.value)


@pytest.mark.parametrize(("text", "sessions", "names"), [("dev", 30, 10), ("test", 90, 50), ("prod", 730, None)])
def test_the_environment_says_how_much_is_taken_live(
    text: str, sessions: int, names: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = configured(monkeypatch, KAPMAN_ENV=text).kapman_env

    assert (environment.live_sessions, environment.live_watchlist) == (sessions, names)


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_never_shown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = configured(monkeypatch, **{name: "postgresql://kapman:S3CR3T@db/x"})

    assert "S3CR3T" in getattr(settings, name.lower()).get_secret_value()
    for shown in (repr(settings), str(settings), f"{settings.model_dump()}", settings.model_dump_json()):
        assert "S3CR3T" not in shown


def test_an_address_of_alerts_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = configured(monkeypatch, NOTIFY_URLS="mailto://kapman:S3CR3T@host")

    assert "S3CR3T" not in repr(settings) + str(settings) + repr(settings.notify_urls)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().ohlcv_history_days = 3


def test_raw_pages_are_kept_at_home_by_default(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().raw_location == str(root / ".kapman" / "raw")
    assert configured(monkeypatch, RAW_URL="s3://raw/kapman").raw_location == "s3://raw/kapman"


@pytest.mark.parametrize(
    ("own", "pair"),
    [
        ({}, (SecretStr("AKIA0"), SecretStr("shh"))),
        ({"RAW_ACCESS_KEY_ID": "AKIA1", "RAW_SECRET_ACCESS_KEY": "hush"}, (SecretStr("AKIA1"), SecretStr("hush"))),
        # Half a pair is a mistake to be told, not to be filled up with half of another.
        ({"RAW_ACCESS_KEY_ID": "AKIA1"}, (SecretStr("AKIA1"), None)),
        ({"RAW_SECRET_ACCESS_KEY": "hush"}, (None, SecretStr("hush"))),
    ],
)
def test_raw_pages_have_their_own_keys_or_those_of_the_flat_files(
    own: dict[str, str], pair: tuple[SecretStr | None, SecretStr | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = configured(monkeypatch, AWS_ACCESS_KEY_ID="AKIA0", AWS_SECRET_ACCESS_KEY="shh", **own)

    assert settings.raw_credentials == pair


def test_database_url_replaces_the_embedded_server(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not configured(monkeypatch, DATABASE_URL="postgresql://db/x").is_embedded


@pytest.mark.parametrize("written", [False, True])
def test_nothing_set_is_the_simulated_market(written: bool, root: Path) -> None:
    if written:
        simulated_at(root / ".kapman" / "simulated")

    settings = load_settings()

    assert settings.market_kind is MarketKind.SIMULATED
    assert settings.flatfiles_location == str(root / ".kapman" / "simulated" / "flatfiles")
    assert settings.reference_location == str(root / ".kapman" / "simulated" / "rest")


@pytest.mark.parametrize("inside", ["", "flatfiles"])
def test_a_directory_with_the_marker_is_a_simulated_market(
    inside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = simulated_at(tmp_path / "market")

    settings = configured(monkeypatch, FLATFILES_URL=market / inside, OPTIONS_URL=market / "rest")

    assert settings.market_kind is MarketKind.SIMULATED
    assert settings.reference_location == str(market / "rest")


def test_a_plain_directory_is_a_recorded_market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("files", "pages"):
        (tmp_path / name).mkdir()

    settings = configured(monkeypatch, FLATFILES_URL=tmp_path / "files", OPTIONS_URL=tmp_path / "pages")

    assert settings.market_kind is MarketKind.RECORDED


@pytest.mark.parametrize(
    ("endpoint", "rest", "kind"),
    [
        ("https://files.massive.com", "https://api.massive.com", MarketKind.LIVE),
        ("https://files.polygon.io", "https://api.polygon.io", MarketKind.LIVE),
        ("https://FILES.massive.com:443/", "https://api.massive.com/", MarketKind.LIVE),
        ("http://minio:9000", "http://recorded:8080", MarketKind.RECORDED),
        ("http://127.0.0.1:9000", None, MarketKind.RECORDED),
        ("https://files.massive.com.example.org", None, MarketKind.RECORDED),
        ("https://example.org/files.massive.com", None, MarketKind.RECORDED),
    ],
)
def test_an_s3_market_is_live_only_at_the_vendors_hosts(
    endpoint: str, rest: str | None, kind: MarketKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {} if rest is None else {"OPTIONS_URL": rest}

    settings = configured(monkeypatch, FLATFILES_URL="s3://flatfiles", FLATFILES_ENDPOINT_URL=endpoint, **more)

    assert settings.market_kind is kind


def test_s3_without_an_endpoint_is_the_vendors(monkeypatch: pytest.MonkeyPatch) -> None:
    assert configured(monkeypatch, FLATFILES_URL="s3://flatfiles").market_kind is MarketKind.LIVE


@pytest.mark.parametrize("url", ["s3://flatfiles", "directory"])
def test_flat_files_alone_have_no_reference(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "directory").mkdir()

    settings = configured(monkeypatch, FLATFILES_URL=tmp_path / url if url == "directory" else url)

    assert settings.reference_location is None
    assert settings.market_kind in {MarketKind.LIVE, MarketKind.RECORDED}


@pytest.mark.parametrize(
    ("files", "rest", "kinds"),
    [
        pytest.param("s3://flatfiles", "plain", ("live", "recorded"), id="live files, recorded pages"),
        pytest.param("plain", LIVE_REST, ("recorded", "live"), id="recorded files, live pages"),
        pytest.param(None, LIVE_REST, ("simulated", "live"), id="simulated files, live pages"),
        pytest.param(None, "plain", ("simulated", "recorded"), id="simulated files, recorded pages"),
        pytest.param("market/flatfiles", "plain", ("simulated", "recorded"), id="a marker on one side"),
        pytest.param("plain", "market/rest", ("recorded", "simulated"), id="a marker on the other"),
    ],
)
def test_two_kinds_of_market_are_refused_by_both_variables_names(
    files: str | None, rest: str, kinds: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").mkdir()
    simulated_at(tmp_path / "market")

    def where(text: str) -> str:
        return text if "://" in text else str(tmp_path / text)

    variables = {"OPTIONS_URL": where(rest)} | ({} if files is None else {"FLATFILES_URL": where(files)})
    settings = configured(monkeypatch, **variables)

    with pytest.raises(ConfigurationError) as mixed:
        _ = settings.market_kind
    message = str(mixed.value)
    assert "FLATFILES_URL" in message
    assert "OPTIONS_URL" in message
    assert message.index(kinds[0]) < message.index(kinds[1])


def test_a_file_address_is_refused_with_what_to_write_instead(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="without file://"):
        market_kind_of(f"file://{tmp_path}", LIVE_S3)


def test_a_file_address_is_refused_by_the_variables_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = configured(monkeypatch, FLATFILES_URL=f"file://{tmp_path}")

    with pytest.raises(ConfigurationError, match="FLATFILES_URL"):
        _ = settings.market_kind


IMPORT_THEN_READ = """
import kapman_assets.definitions
from pydantic import ValidationError
from kapman_resources.settings import load_settings
try:
    load_settings()
except ValidationError as refused:
    print("imported, and reading is refused:", refused.error_count())
"""


def test_importing_the_graph_reads_no_variable(tmp_path: Path) -> None:
    hostile = {
        "KAPMAN_ENV": "nonsense",
        "OHLCV_HISTORY_DAYS": "0",
        "KAPMAN_HOME": str(tmp_path / "home"),
        "DATABASE_URL": "no address",
        "DAGSTER_DATABASE_URL": "no address",
        "FLATFILES_URL": "file:///nowhere",
        "FLATFILES_ENDPOINT_URL": "::",
        "OPTIONS_URL": "https://api.massive.com",
    }

    done = subprocess.run(
        [sys.executable, "-c", IMPORT_THEN_READ],
        env=os.environ | hostile,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    # The second half shows that these variables would have been refused.
    assert done.stdout.strip() == "imported, and reading is refused: 2", done.stderr
    assert not (tmp_path / "home").exists()
