"""Is every setting either usable or refused with its name, what is wrong and what to write instead?"""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from nurture.model.errors import SettingsError
from nurture.settings import Settings, host_and_port, load_settings, with_port

KEY, OLD_KEY = "k" * 40, "o" * 40
POSTGRES = "postgresql+psycopg://ana:canary-password@db.example.org/nurture"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "nurture.toml").touch()
    return tmp_path


@pytest.fixture
def setenv(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return monkeypatch


def test_with_nothing_set_everything_is_embedded_and_no_mail_leaves(project: Path) -> None:
    settings = load_settings(project)

    assert settings.database_url == f"sqlite:///{project}/var/nurture.db"
    assert settings.broker_url is None
    assert settings.smtp_url == "catch:"
    assert settings.base_url == "http://127.0.0.1:8000"
    assert settings.listen == ("127.0.0.1", 8000)
    assert settings.allow_recipients is None


def test_the_embedded_default_makes_a_key_once_and_keeps_it_from_others(project: Path) -> None:
    first = load_settings(project).secret_keys
    second = load_settings(project).secret_keys
    secret = project / "var" / "secret"

    assert first == second
    assert len(first[0]) >= 48
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
    assert [file.name for file in secret.parent.iterdir()] == ["secret"]


def test_a_list_of_keys_rotates_the_first_one_signs(project: Path, setenv: pytest.MonkeyPatch) -> None:
    setenv.setenv("NURTURE_SECRET_KEY", f"{KEY}, {OLD_KEY}")

    assert load_settings(project).secret_keys == (KEY, OLD_KEY)
    assert not (project / "var").exists()


def test_a_secret_can_be_read_from_a_file(project: Path, setenv: pytest.MonkeyPatch) -> None:
    (project / "database-url").write_text(f"{POSTGRES}\n")
    (project / "key").write_text(f"{KEY}\n")
    setenv.setenv("NURTURE_DATABASE_URL_FILE", str(project / "database-url"))
    setenv.setenv("NURTURE_SECRET_KEY_FILE", str(project / "key"))

    settings = load_settings(project)

    assert settings.database_url == POSTGRES
    assert settings.secret_keys == (KEY,)


@pytest.mark.parametrize("short", ["postgres", "postgresql"])
def test_the_short_names_of_postgresql_mean_its_driver(
    project: Path, setenv: pytest.MonkeyPatch, short: str
) -> None:
    setenv.setenv("NURTURE_DATABASE_URL", POSTGRES.replace("postgresql+psycopg", short))
    setenv.setenv("NURTURE_SECRET_KEY", KEY)

    assert load_settings(project).database_url == POSTGRES


def test_a_worker_elsewhere_needs_no_project_folder_of_its_own(
    tmp_path: Path, setenv: pytest.MonkeyPatch
) -> None:
    setenv.setenv("NURTURE_DATABASE_URL", POSTGRES)
    setenv.setenv("NURTURE_SECRET_KEY", KEY)

    assert load_settings(tmp_path).project == tmp_path


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379/0",
        "rediss://:secret@redis.example.org:6380",
        "unix:///run/redis.sock",
        "sentinel://one:26379,two:26379/nurture",
    ],
)
def test_every_kind_of_broker_address_is_taken_as_it_is(
    project: Path, setenv: pytest.MonkeyPatch, url: str
) -> None:
    setenv.setenv("NURTURE_BROKER_URL", url)

    assert load_settings(project).broker_url == url


def test_embedded_is_a_name_for_the_default_broker(project: Path, setenv: pytest.MonkeyPatch) -> None:
    setenv.setenv("NURTURE_BROKER_URL", "embedded")

    assert load_settings(project).broker_url is None


def test_the_staging_guard_takes_addresses_and_domains(project: Path, setenv: pytest.MonkeyPatch) -> None:
    setenv.setenv("NURTURE_ALLOW_RECIPIENTS", "Ana@Example.org, @example.com test")

    assert load_settings(project).allow_recipients == ("ana@example.org", "example.com", "test")


def test_the_base_address_loses_its_last_slash(project: Path, setenv: pytest.MonkeyPatch) -> None:
    setenv.setenv("NURTURE_BASE_URL", "https://example.org/letters/")

    assert load_settings(project).base_url == "https://example.org/letters"


REFUSED = {
    "a database address that is none": ("DATABASE_URL", "canary-password", "sqlite:///var/nurture.db"),
    "a port that is no number": ("DATABASE_URL", "postgresql://ana:canary-password@db:abc/x", "host:5432"),
    "a database of another kind": (
        "DATABASE_URL",
        "mysql://ana:canary-password@db/x",
        "postgresql+psycopg://",
    ),
    "a database in memory": ("DATABASE_URL", "sqlite:///:memory:", "sqlite:///var/nurture.db"),
    "a broker of another kind": ("BROKER_URL", "amqp://ana:canary-password@mq", "redis://127.0.0.1:6379/0"),
    "a broker without a host": ("BROKER_URL", "redis://", "redis://127.0.0.1:6379/0"),
    "a broker port out of range": (
        "BROKER_URL",
        "redis://:canary-password@h:99999",
        "redis://127.0.0.1:6379/0",
    ),
    "a socket without a path": ("BROKER_URL", "unix://", "unix:///run/redis.sock"),
    "sentinels without a service": ("BROKER_URL", "sentinel://one,two", "sentinel://host1:26379"),
    "a mail server of another kind": ("SMTP_URL", "http://ana:canary-password@mail", "smtp://user:password@"),
    "a mail server without a host": ("SMTP_URL", "smtp://", "catch:"),
    "a base address without a scheme": ("BASE_URL", "news.example.com", "https://news.example.com"),
    "a base address with a query": ("BASE_URL", "https://example.com/?a=b", "https://HOST"),
    "a place to listen without a port": ("LISTEN", "8000", "127.0.0.1:8000"),
    "a port too high": ("LISTEN", "127.0.0.1:70000", "127.0.0.1:8000"),
    "a key that can be guessed": ("SECRET_KEY", "canary-password", "secrets.token_urlsafe"),
    "an empty staging guard": ("ALLOW_RECIPIENTS", " ", "leave it out"),
    "a staging guard with half an address": ("ALLOW_RECIPIENTS", "ana@", "example.com"),
    "no worker processes": ("WORKER_PROCESSES", "0", "from 1 to 64"),
    "a wordy number of threads": ("WORKER_THREADS", "many", "from 1 to 64"),
    "an unknown log level": ("LOG_LEVEL", "loud", "debug, info, warning, error"),
    "a file that is not there": ("SECRET_KEY_FILE", "/nowhere/key", "cannot be read"),
}


@pytest.mark.parametrize(("name", "value", "remedy"), REFUSED.values(), ids=REFUSED.keys())
def test_it_refuses(project: Path, setenv: pytest.MonkeyPatch, name: str, value: str, remedy: str) -> None:
    setenv.setenv(f"NURTURE_{name}", value)

    with pytest.raises(SettingsError) as refused:
        load_settings(project)

    assert f"NURTURE_{name}" in str(refused.value)
    assert remedy in str(refused.value)
    assert "canary" not in str(refused.value)


def test_postgresql_without_a_key_is_refused_since_machines_must_share_it(
    project: Path, setenv: pytest.MonkeyPatch
) -> None:
    setenv.setenv("NURTURE_DATABASE_URL", POSTGRES)

    with pytest.raises(SettingsError, match=r"NURTURE_SECRET_KEY is not set.*token_urlsafe"):
        load_settings(project)


def test_an_emptied_key_file_is_refused_rather_than_replaced(project: Path) -> None:
    (project / "var").mkdir()
    (project / "var" / "secret").touch()

    with pytest.raises(SettingsError, match="put the lost key back"):
        load_settings(project)


def test_a_value_and_its_file_together_are_refused(project: Path, setenv: pytest.MonkeyPatch) -> None:
    setenv.setenv("NURTURE_SECRET_KEY", KEY)
    setenv.setenv("NURTURE_SECRET_KEY_FILE", str(project / "key"))

    with pytest.raises(SettingsError, match="are both set"):
        load_settings(project)


def test_a_slip_of_the_pen_in_a_name_is_refused_with_the_right_one(
    project: Path, setenv: pytest.MonkeyPatch
) -> None:
    setenv.setenv("NURTURE_DATABSE_URL", POSTGRES)

    with pytest.raises(
        SettingsError, match=r"DATABSE_URL is no setting \(did you mean 'NURTURE_DATABASE_URL'"
    ):
        load_settings(project)


def test_a_folder_without_a_project_is_left_untouched(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no nurture\.toml.*`nurture new DIR`"):
        load_settings(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"there is no folder .*nowhere"):
        load_settings(tmp_path / "nowhere")


def test_settings_shown_in_an_error_hold_no_secret(project: Path, setenv: pytest.MonkeyPatch) -> None:
    setenv.setenv("NURTURE_DATABASE_URL", POSTGRES)
    setenv.setenv("NURTURE_BROKER_URL", "redis://:canary-password@127.0.0.1")
    setenv.setenv("NURTURE_SMTP_URL", "smtp://ana:canary-password@127.0.0.1")
    setenv.setenv("NURTURE_SECRET_KEY", "canary-" * 8)

    shown = repr(load_settings(project))

    assert "canary" not in shown


def test_settings_do_not_change(project: Path) -> None:
    settings = Settings(project=project)

    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, "base_url", "https://elsewhere.example.org")  # noqa: B010


@pytest.mark.parametrize("address", [("127.0.0.1", 8000), ("::1", 8000), ("0.0.0.0", 80)])
def test_a_place_to_listen_is_written_as_it_is_read(address: tuple[str, int]) -> None:
    assert host_and_port(with_port(address)) == address
