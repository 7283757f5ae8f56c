"""Where nurture keeps its data and how it sends: read from the environment once, never changed afterwards.

A value that cannot be used is refused with its name, what is wrong and what to write instead. Passwords and keys are
never repeated in a message. `NAME_FILE` names a file that holds the value of `NAME`.
"""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from nurture.channels.mailbox import parse_mailbox_url
from nurture.channels.reach import Reach
from nurture.db.session import read_url
from nurture.model.errors import SettingsError, did_you_mean

DEFAULT_DATABASE = "sqlite:///var/nurture.db"
CATCH = "catch:"
LOG_LEVELS = ("debug", "info", "warning", "error")
SHORTEST_KEY = 32
MAKE_A_KEY = "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
HOOK_KEYS = ("hook_ses_topic", "hook_postmark_key", "hook_mailgun_key", "hook_sendgrid_key")
# Names that are no settings: which project, and whether to show tracebacks. The command line reads them.
OTHER_NAMES = frozenset({"NURTURE_PROJECT", "NURTURE_DEBUG"})


def load_settings(project: Path) -> Settings:
    """The settings of the project in folder ``project``, from the environment of this process.

    With SQLite and no key given, writes a new key into `var/secret`, once, readable by its owner only. Raises
    SettingsError for the first value that cannot be used, and where there is no project at all.
    """
    return Settings(project=project)


class Settings(BaseSettings):
    """All settings, checked. Arguments go before the environment. Raises SettingsError."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=True)

    project: Path
    """Absolute; the folder of `nurture.toml`."""
    database_url: str = Field(default=DEFAULT_DATABASE, repr=False)
    """For SQLAlchemy; the path of a SQLite file is absolute."""
    broker_url: str | None = Field(default=None, repr=False)
    """None: the embedded Valkey that `nurture up` starts."""
    smtp_url: str = Field(default=CATCH, repr=False)
    """`catch:` writes mail into `var/mail`; nothing leaves."""
    base_url: str = "http://127.0.0.1:8000"
    """For links in messages; no slash at its end."""
    listen: tuple[str, int] = ("127.0.0.1", 8000)
    """Host and port of the web process."""
    trusted_proxies: int = 0
    """How many proxies of ours stand in front of the web process; their headers name the visitor."""
    secret_keys: tuple[str, ...] = Field(default=(), repr=False)
    """NURTURE_SECRET_KEY: the first signs, all verify."""
    allow_recipients: tuple[str, ...] | None = None
    """Addresses and domains, in lower case, that may be mailed; None: everyone."""
    dkim_key: str | None = Field(default=None, repr=False)
    """A private key in PEM, for senders that have a selector and no key file on this machine."""
    mailbox_url: str | None = Field(default=None, repr=False)
    """Where bounces and answers come back: an IMAP folder that is read once a minute."""
    hook_ses_topic: tuple[str, ...] = ()
    """Topics of Amazon SNS that tell us of bounces of Amazon SES."""
    hook_postmark_key: tuple[str, ...] = Field(default=(), repr=False)
    hook_mailgun_key: tuple[str, ...] = Field(default=(), repr=False)
    hook_sendgrid_key: tuple[str, ...] = Field(default=(), repr=False)
    """What the webhooks of these providers are known by; with several, any of them."""
    webhook_allow: tuple[str, ...] = ()
    """Hosts, addresses and networks that webhooks may go to although they are private, without TLS and on any port."""
    worker_processes: int = 2
    worker_threads: int = 4
    """In each worker process."""
    log_level: str = "info"

    @property
    def var(self) -> Path:
        """The folder for what the program writes."""
        return self.project / "var"

    @property
    def provider_keys(self) -> dict[str, tuple[str, ...]]:
        """What each provider's webhooks are known by; nothing for one to which we do not listen."""
        return {
            "ses": self.hook_ses_topic,
            "postmark": self.hook_postmark_key,
            "mailgun": self.hook_mailgun_key,
            "sendgrid": self.hook_sendgrid_key,
        }

    @property
    def embedded_database(self) -> bool:
        return self.database_url.startswith("sqlite:")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, Environment(settings_cls)

    @field_validator("project")
    @classmethod
    def _project(cls, value: Path) -> Path:
        if not value.is_dir():
            raise SettingsError(
                f"there is no folder {value}", hint="name the project's folder with --project DIR"
            )
        return value.resolve()

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str, info: ValidationInfo) -> str:
        project: Path = info.data["project"]
        if value == DEFAULT_DATABASE and not any(
            (project / name).exists() for name in ("nurture.toml", "var")
        ):
            hint = "make one with `nurture new DIR`, or name its folder with --project DIR"
            raise SettingsError(f"there is no nurture.toml in {project}, so it is no project", hint=hint)
        return database_address(value, project)

    @field_validator("broker_url")
    @classmethod
    def _broker_url(cls, value: str | None) -> str | None:
        return None if value in (None, "embedded") else broker_address(value)

    @field_validator("smtp_url")
    @classmethod
    def _smtp_url(cls, value: str) -> str:
        if value != CATCH:
            example = "catch: or smtp://user:password@mail.example.com:587?starttls=1"
            url_parts("smtp_url", value, ("smtp", "smtps", "mailgun"), example)
        return value

    @field_validator("base_url")
    @classmethod
    def _base_url(cls, value: str) -> str:
        parts = url_parts("base_url", value, ("http", "https"), "https://news.example.com")
        if parts.query or parts.fragment or "@" in parts.netloc:
            raise refused("base_url", "holds more than an address", "write https://HOST or https://HOST/PATH")
        return value.rstrip("/")

    @field_validator("listen", mode="before")
    @classmethod
    def _listen(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if address := host_and_port(value):
            return address
        raise refused("listen", f"is {value!r}, not HOST:PORT", "write for example 127.0.0.1:8000")

    @field_validator("secret_keys", mode="before")
    @classmethod
    def _secret_keys(cls, value: str | tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        keys = tuple(re.findall(r"[^\s,]+", value)) if isinstance(value, str) else value
        keys = keys or kept_keys(info.data["project"], info.data["database_url"])
        if any(len(key) < SHORTEST_KEY for key in keys):
            problem = f"holds a key of fewer than {SHORTEST_KEY} characters, which can be guessed"
            raise refused("secret_keys", problem, MAKE_A_KEY)
        return keys

    @field_validator("allow_recipients", mode="before")
    @classmethod
    def _allow_recipients(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        allowed = tuple(word.lower().removeprefix("@") for word in re.findall(r"[^\s,]+", value))
        # A guard that is there but empty is a slip in a deployment file, never leave to mail everyone.
        if not allowed:
            raise refused(
                "allow_recipients", "is empty", "leave it out to mail everyone, or list who may be mailed"
            )
        for word in allowed:
            if not re.fullmatch(r"([^@]+@)?[^@.]+(\.[^@.]+)*", word):
                remedy = "write addresses and domains, such as ana@example.org, example.com"
                raise refused("allow_recipients", f"holds {word!r}, neither an address nor a domain", remedy)
        return allowed

    @field_validator("dkim_key")
    @classmethod
    def _dkim_key(cls, value: str | None) -> str | None:
        # Whether it can sign is asked where it does: reading it takes a library that not everybody has.
        if value is not None and "PRIVATE KEY-----" not in value:
            raise refused(
                "dkim_key", "holds no private key in PEM", "make one with `nurture dkim new SELECTOR`"
            )
        return value

    @field_validator("mailbox_url")
    @classmethod
    def _mailbox_url(cls, value: str | None) -> str | None:
        if value is not None:
            parse_mailbox_url(value)
        return value

    @field_validator(*HOOK_KEYS, mode="before")
    @classmethod
    def _hook_keys(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str):
            return value
        keys = tuple(re.findall(r"[^\s,]+", value))
        if not keys:
            raise refused(str(info.field_name), "is empty", "leave it out to refuse this provider's webhooks")
        return keys

    @field_validator("webhook_allow", mode="before")
    @classmethod
    def _webhook_allow(cls, value: object) -> object:
        words = tuple(re.findall(r"[^\s,]+", value)) if isinstance(value, str) else value
        try:
            Reach.of(words)  # type: ignore[arg-type]  # anything else is refused by the field itself
        except ValueError as error:
            remedy = "write for example crm.example.internal, 127.0.0.1, 10.20.0.0/16"
            raise refused("webhook_allow", f"holds {str(error)!r}, no host or network", remedy) from None
        return words

    @field_validator("worker_processes", "worker_threads", mode="before")
    @classmethod
    def _count(cls, value: object, info: ValidationInfo) -> int:
        text = str(value).strip()
        if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= 64:
            raise refused(str(info.field_name), f"is {text!r}", "write a whole number from 1 to 64")
        return int(text)

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _trusted_proxies(cls, value: object) -> int:
        text = str(value).strip()
        if not re.fullmatch(r"[0-9]", text):
            raise refused("trusted_proxies", f"is {text!r}", "write how many proxies stand in front, 0 to 9")
        return int(text)

    @field_validator("log_level")
    @classmethod
    def _log_level(cls, value: str) -> str:
        if value.lower() not in LOG_LEVELS:
            raise refused("log_level", f"is {value!r}", f"write one of {', '.join(LOG_LEVELS)}")
        return value.lower()


class Environment(PydanticBaseSettingsSource):
    """The values in the environment of this process, and in the files it names."""

    def __call__(self) -> dict[str, Any]:
        refuse_typos()
        values = {field: value_of(field) for field in Settings.model_fields if field != "project"}
        return {field: value for field, value in values.items() if value is not None}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        return value_of(field_name), field_name, False


def value_of(field: str) -> str | None:
    """The text of one setting: of its variable, or of the file that the `_FILE` twin names; never both."""
    name = variable(field)
    value, file = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if file is None:
        return value
    if value is not None:
        raise SettingsError(f"{name} and {name}_FILE are both set", hint="keep one of the two")
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{name}_FILE names {file}, which cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{name}_FILE names {file}, which is not a text file") from None


def variable(field: str) -> str:
    """The name in the environment. One is singular, since most people have one key."""
    return "NURTURE_SECRET_KEY" if field == "secret_keys" else f"NURTURE_{field.upper()}"


def refuse_typos() -> None:
    """Refuse a variable that nearly is a setting: with NURTURE_DATABSE_URL, all would quietly go to SQLite."""
    names = {variable(field) for field in Settings.model_fields} | OTHER_NAMES
    words = {name.removeprefix("NURTURE_") for name in names}
    known = words | {f"{word}_FILE" for word in words}
    for name in sorted(os.environ):
        word = name.removeprefix("NURTURE_")
        stray = name.startswith("NURTURE_") and not word.startswith("TEST_") and word not in known
        # Compared without the prefix: with it, everything would be near everything.
        if stray and (hint := did_you_mean(word, known)):
            raise SettingsError(f"{name} is no setting", hint=hint.replace("'", "'NURTURE_", 1))


def refused(field: str, problem: str, remedy: str) -> SettingsError:
    """The error for a value. ``problem`` completes "NURTURE_X …" and never holds a secret."""
    return SettingsError(f"{variable(field)} {problem}", hint=remedy)


def host_and_port(text: str) -> tuple[str, int] | None:
    """``127.0.0.1:8000`` or ``[::1]:8000`` as a pair; None for anything else."""
    found = re.fullmatch(r"(?P<host>[^:\s]+|\[[0-9a-fA-F:.]+\]):(?P<port>[0-9]{1,5})", text)
    if found is None or int(found["port"]) > 65535:
        return None
    return found["host"].strip("[]"), int(found["port"])


def with_port(address: tuple[str, int]) -> str:
    """HOST:PORT of a pair, as ``host_and_port`` reads it: an IPv6 host stands in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def url_parts(field: str, value: str, schemes: tuple[str, ...], example: str) -> SplitResult:
    """The parts of an address with one of ``schemes``, a host and, if any, a port that can be one."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise refused(field, "is no address that can be used", f"write for example {example}")
    return parts


def database_address(value: str, project: Path) -> str:
    """The address of a SQLite file or a PostgreSQL database, complete. Relative files count from ``project``."""
    try:
        url = read_url(value)
    except ValueError:  # a port that is no number
        remedy = "write for example postgresql+psycopg://user:password@host:5432/database"
        raise refused("database_url", "is no database address", remedy) from None
    if url.get_backend_name() != "sqlite":
        return url.render_as_string(hide_password=False)
    if url.database == ":memory:":
        problem, remedy = "names no file, so that processes cannot share it", "write sqlite:///var/nurture.db"
        raise refused("database_url", problem, remedy)
    return str(url.set(database=str(project / str(url.database))))


def broker_address(value: str) -> str:
    """The address of a Redis or Valkey server: TCP, TLS, a unix socket, or sentinels with the service's name."""
    example = "redis://127.0.0.1:6379/0"
    if value.startswith("unix://"):
        if not urlsplit(value).path.startswith("/"):
            raise refused("broker_url", "names no socket", "write for example unix:///run/redis.sock")
        return value
    if value.startswith("sentinel://"):
        if not re.fullmatch(
            r"sentinel://([^@/\s]*@)?[^@/\s,:]+(:\d{1,5})?(,[^@/\s,:]+(:\d{1,5})?)*/[^/\s]+(/\d+)?", value
        ):
            remedy = "write for example sentinel://host1:26379,host2:26379/service"
            raise refused("broker_url", "is no list of sentinels with a service", remedy)
        return value
    url_parts("broker_url", value, ("redis", "rediss"), example)
    return value


def kept_keys(project: Path, database_url: str) -> tuple[str, ...]:
    """The keys in `var/secret`, made at the first call. Only beside SQLite: there all processes share that folder."""
    if not database_url.startswith("sqlite:"):
        problem = "is not set; with PostgreSQL every machine needs the same key, or links in mails break"
        raise refused("secret_keys", problem, MAKE_A_KEY)
    file = project / "var" / "secret"
    try:
        if not file.exists():
            write_once(file, secrets.token_urlsafe(48))
        keys = tuple(file.read_text(encoding="utf-8").split())
    except OSError as error:
        problem = f"is not set, and {file} cannot be used: {error.strerror}"
        raise refused("secret_keys", problem, "make the folder writable, or set the key") from None
    if not keys:
        raise refused(
            "secret_keys", f"is not set, and {file} is empty", "put the lost key back, or remove the file"
        )
    return keys


def write_once(file: Path, text: str) -> None:
    """Create ``file`` for its owner only, whole or not at all; leave one that another process made meanwhile."""
    file.parent.mkdir(mode=0o700, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(f"{text}\n")
    try:
        with suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()
