"""The one place that reads the environment: ``LIENTHONG_*`` variables, a TOML file, secret files.

Order of precedence: arguments, environment, secret files (``LIENTHONG_SECRETS_DIR``), the TOML file named by
``LIENTHONG_CONFIG``, defaults.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from hub.audit.addresses import log_keys, witness_addresses
from hub.audit.note import VerifierKey
from hub.problems import Finding, Misconfigured
from hub.registry.folder import Root
from hub.registry.mailbox import is_address
from hub.registry.reach import Reach
from hub.signatures.keys.uri import SCHEME, Pkcs11Uri

MIB = 1024 * 1024


class Settings(BaseSettings):
    """Everything an operator may set. Sizes are octets, times are seconds."""

    model_config = SettingsConfigDict(env_prefix="LIENTHONG_", extra="forbid", frozen=True)

    hub_name: str = Field("lienthong", min_length=1, max_length=64, description="name of this hub in receipts")
    data_dir: Path = Field(Path("lienthong-data"), description="payloads, keys and (embedded) the ledger")
    hub_key: str | None = Field(
        None, description="PEM file of the hub's Ed25519 key, or pkcs11:… (RFC 7512); unset: in the data directory"
    )
    log_key: str | None = Field(None, description="the same for the log's key, which has to be Ed25519")
    evidence_key: Path | None = Field(
        None, description="PEM file of the key and certificate that seal evidence packs; unset: in the data directory"
    )
    log_origin: str | None = Field(
        None, pattern=r"^[^\s+]{1,200}$", description="name of the transparency log, for ever; unset: HUB_NAME/log"
    )
    database_url: str | None = Field(None, description="postgresql://…; unset: SQLite in the data directory")
    broker_url: str | None = Field(
        None, validate_default=True, description="amqp://… or amqps://…; unset: in-process broker"
    )
    broker_management_url: str | None = Field(
        None,
        description="http(s)://user:password@host:port of RabbitMQ's management: the hub makes systems' users there",
    )
    listen: str = Field("127.0.0.1:8080", description="HOST:PORT of the HTTP server")
    public_url: str | None = Field(None, description="address under which agencies reach the hub")
    tls_certificate: Path | None = None
    tls_key: Path | None = Field(None, validate_default=True)
    share_port: bool = Field(False, description="several serve processes of this machine listen on the one address")
    behind_proxy: bool = Field(False, description="a TLS-terminating proxy stands in front; plain HTTP is wanted")
    database_connections: int = Field(8, ge=2, le=64)
    max_envelope_bytes: int = Field(64 * MIB, ge=1024, description="largest application/xml body")
    max_attachment_bytes: int = Field(1024 * MIB, ge=1024, description="largest attachment sent as a part")
    max_request_bytes: int = Field(2048 * MIB, ge=1024, description="largest multipart/related body")
    max_attachments: int = Field(200, ge=1)
    max_uploads: int = Field(32, ge=1, description="large bodies of one system at once, in each process")
    max_recipients: int = Field(5000, ge=1)
    head_seconds: float = Field(15.0, gt=0, description="by when the head of a request must be there")
    body_pause_seconds: float = Field(30.0, gt=0, description="longest pause within a body, and what is given beyond")
    body_bytes_per_second: int = Field(16 * 1024, ge=1, description="slowest rate at which a body may come")
    clamd: str | None = Field(None, description="unix:/path or tcp://host:port of clamd; unset: nothing is scanned")
    clamd_seconds: float = Field(30.0, gt=0, description="patience with clamd, and a second more for every MiB")
    inspection_processes: int = Field(2, ge=1, le=32, description="that read PDFs, each started when first needed")
    inspected_pdf_bytes: int = Field(64 * MIB, ge=1024, description="larger PDFs are passed on without being read")
    token_seconds: int = Field(3600, ge=60, le=86400)
    lease_seconds: int = Field(300, ge=5, le=86400, description="default length of an inbox lease")
    amqp_lease_seconds: float = Field(900.0, ge=1, description="a system settles by message, or gets it again")
    attempt_seconds: float = Field(600.0, ge=1, description="longest attempt to hand a document to a system")
    long_poll_seconds: int = Field(60, ge=0, le=60)
    sweep_every_seconds: float = Field(5.0, gt=0)
    sweep_after_seconds: float = Field(60.0, gt=0, description="publish again what no courier took over")
    seal_every_seconds: float = Field(0.8, gt=0, description="the log is sealed as often while there is something new")
    witnesses: str = Field("", description="VKEY=URL,VKEY=URL: witnesses that cosign this log's checkpoints")
    witness_every_seconds: float = Field(5.0, gt=0, description="how often witnesses are given the newest checkpoint")
    witness_timeout_seconds: float = Field(10.0, gt=0, le=120, description="a witness may take so long to answer")
    witness_patience_seconds: float = Field(300.0, ge=0, description="a witness that fails for longer is a trouble")
    witness_ca_file: Path | None = Field(None, description="PEM: authorities of witnesses, beside those of the system")
    witness_logs: str = Field("", description="VKEY,VKEY: logs of others whose checkpoints this hub cosigns")
    relay_claim_seconds: float = Field(15.0, gt=0)
    tsa_ca_file: Path | None = Field(None, description="PEM: roots of the time-stamping authorities")
    tsa_urls: str = Field("", description="http(s)://…,…: authorities that time-stamp the log (RFC 3161), each its own")
    tsa_every_seconds: float = Field(60.0, ge=1, description="the newest checkpoint is stamped as often, if it is new")
    tsa_policy: str | None = Field(
        None, pattern=r"^[0-2](\.(0|[1-9][0-9]{0,17})){1,31}$", description="OID of the policy to ask for and insist on"
    )
    tsa_timeout_seconds: float = Field(15.0, gt=0, le=120, description="for one answer of an authority")
    tsa_proxy: str | None = Field(
        None, description="http://HOST:PORT through which time-stamping authorities are asked"
    )
    revocation: Literal["defer", "pending"] = Field(
        "defer", description="when no fresh answer is to be had: ask the sender to repeat, or accept as pending"
    )
    revocation_unsourced: Literal["defer", "pending"] = Field(
        "pending", description="the same for certificates that have neither a list nor an address to ask"
    )
    # off: nextUpdate is the issuer's own promise, and a national root signs a list twice a year
    revocation_max_age_seconds: int | None = Field(
        None, ge=60, description="an answer older than this is stale even before its nextUpdate"
    )
    revocation_refresh_seconds: float = Field(3600.0, ge=1, description="answers in use are asked for again after this")
    revocation_timeout_seconds: float = Field(5.0, gt=0, le=60, description="for one list or OCSP answer")
    revocation_proxy: str | None = Field(None, description="http://HOST:PORT through which issuers are asked")
    push_timeout_seconds: float = Field(
        20.0, gt=0, le=120, description="a receiver of pushes may take so long to answer"
    )
    push_allowed_networks: str = Field("", description="CIDR,CIDR: addresses that are not public and may be pushed to")
    push_plain_http: bool = Field(False, description="http:// as well, into the allowed networks")
    push_ca_file: Path | None = Field(None, description="PEM: authorities of receivers, beside those of the system")
    push_document_bytes: int = Field(16 * MIB, ge=0, description="larger documents are pushed as notices")
    push_notice_seconds: float = Field(900.0, ge=1, description="time to fetch and settle after a notice")
    smtp_url: str | None = Field(
        None, description="smtp(s)://user:password@host:port of the server that takes the hub's mail"
    )
    smtp_from: str | None = Field(
        None, validate_default=True, description="the hub's mailbox; bounces come to bounce+… at its domain"
    )
    smtp_plain: bool = Field(False, description="without TLS, to a server of this machine only")
    smtp_ca_file: Path | None = Field(None, description="PEM: authorities of the server, beside those of the system")
    smtp_timeout_seconds: float = Field(30.0, gt=0, le=300, description="the server may take so long for an answer")
    mail_document_bytes: int = Field(10 * MIB, ge=0, description="larger documents are mailed as notices with a link")
    mail_link_days: int = Field(14, ge=1, le=365, description="how long the link of a notice is open")
    bounces: Path | None = Field(None, description="Maildir of the mail to bounce+…")
    folder_root: Path | None = Field(None, description="directory below which systems have their folders")
    deadlines: Path | None = Field(None, description="TOML file: deadlines by class of document; unset: the hub's own")
    retention: Path | None = Field(None, description="TOML file: years by class of document; unset: the hub's own")
    alert_mail: str = Field("", description="name@domain,…: mailboxes that are told of alerts")
    alert_webhooks: str = Field("", description="https://…,…: addresses that alerts are posted to, signed")
    alert_backlog: int = Field(1000, ge=1, description="more letters than this waiting for a system are an alert")
    alert_waiting_seconds: float = Field(14400.0, ge=1, description="a letter that waits longer than this is an alert")
    oidc_issuer: str | None = Field(None, description="the identity provider that people may sign in at")
    oidc_client_id: str | None = Field(None, description="the hub's client there")
    oidc_client_secret: str | None = Field(None, description="the client's secret")
    oidc_second_factor: bool = Field(False, description="believe the provider that it asked for a second factor")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "text"] = "auto"

    @field_validator("database_url")
    @classmethod
    def _postgresql_only(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
            raise ValueError("must start with postgresql://")
        return value

    @field_validator("hub_key", "log_key")
    @classmethod
    def _file_or_module(cls, value: str | None) -> str | None:
        if value is not None and value.startswith(SCHEME):
            Pkcs11Uri.parse(value)
        return value

    @field_validator("broker_url")
    @classmethod
    def _amqp_only(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).scheme not in ("amqp", "amqps"):
            raise ValueError("must start with amqp:// or amqps://")
        return value

    @field_validator("broker_management_url")
    @classmethod
    def _http_with_a_user(cls, value: str | None) -> str | None:
        if value is None:
            return None
        place = urlsplit(value)
        if place.scheme not in ("http", "https") or not (place.hostname and place.username and place.password):
            raise ValueError("must be http(s)://user:password@host:port")
        return value

    @field_validator("clamd")
    @classmethod
    def _unix_or_tcp(cls, value: str | None) -> str | None:
        if value is None or (value.startswith("unix:/") and len(value) > len("unix:/")):
            return value
        place = urlsplit(value)
        if place.scheme != "tcp" or not place.hostname or not place.port or place.path:
            raise ValueError("must be unix:/path or tcp://host:port")
        return value

    @field_validator("revocation_proxy", "tsa_proxy")
    @classmethod
    def _http_only(cls, value: str | None) -> str | None:
        if value is not None and (urlsplit(value).scheme != "http" or not urlsplit(value).hostname):
            raise ValueError("must be http://HOST:PORT")
        return value

    @field_validator("tsa_urls")
    @classmethod
    def _authorities(cls, value: str, info: ValidationInfo) -> str:
        places = [urlsplit(one.strip()) for one in value.split(",")] if value.strip() else []
        if any(one.scheme not in ("http", "https") or not one.hostname or one.port == 0 for one in places):
            raise ValueError("must be http(s)://…, several with commas between them")
        if places and "tsa_ca_file" in info.data and info.data["tsa_ca_file"] is None:
            raise ValueError("tsa_urls needs tsa_ca_file")
        return value

    @field_validator("alert_mail")
    @classmethod
    def _mailboxes(cls, value: str, info: ValidationInfo) -> str:
        if not all(is_address(one) for one in listed(value)):
            raise ValueError("must be name@domain, several with commas between them")
        if value and "smtp_url" in info.data and info.data["smtp_url"] is None:
            raise ValueError("alert_mail needs smtp_url")
        return value

    @field_validator("alert_webhooks")
    @classmethod
    def _webhooks(cls, value: str, info: ValidationInfo) -> str:
        reach = Reach.of(info.data.get("push_allowed_networks", ""), info.data.get("push_plain_http", False))
        for one in listed(value):
            reach.target(one)
        return value

    @field_validator("push_allowed_networks")
    @classmethod
    def _networks(cls, value: str) -> str:
        Reach.of(value)
        return value

    @field_validator("witnesses")
    @classmethod
    def _witnesses(cls, value: str) -> str:
        witness_addresses(value)
        return value

    @field_validator("witness_logs")
    @classmethod
    def _logs(cls, value: str) -> str:
        log_keys(value)
        return value

    @field_validator("smtp_from")
    @classmethod
    def _mailbox(cls, value: str | None, info: ValidationInfo) -> str | None:
        if "smtp_url" in info.data and (info.data["smtp_url"] is None) != (value is None):
            raise ValueError("smtp_url and smtp_from go together")
        if value is not None and not is_address(value):
            raise ValueError("must be a mailbox: name@domain")
        return value

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError("must be HOST:PORT")
        return value

    @field_validator("broker_url", "tls_key")
    @classmethod
    def _with_its_other_half(cls, value: Any, info: ValidationInfo) -> Any:
        other = {"broker_url": "database_url", "tls_key": "tls_certificate"}[str(info.field_name)]
        # absent from info.data: wrong by itself, and said so already
        if other in info.data and (info.data[other] is None) != (value is None):
            raise ValueError(f"{info.field_name} and {other} go together")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        sources: list[PydanticBaseSettingsSource] = [init_settings, env_settings]
        if directory := os.environ.get("LIENTHONG_SECRETS_DIR"):
            sources.append(SecretsSettingsSource(settings_cls, secrets_dir=directory, env_prefix="LIENTHONG_"))
        if file := os.environ.get("LIENTHONG_CONFIG"):
            sources.append(TomlConfigSettingsSource(settings_cls, Path(file)))
        return tuple(sources)

    @property
    def embedded(self) -> bool:
        """True for the embedded engine: SQLite and the in-process broker."""
        return self.database_url is None

    @property
    def keys_dir(self) -> Path:
        return self.data_dir / "keys"

    @property
    def hub_key_file(self) -> Path:
        """Where the first key of the hub is, unless it lies in hardware."""
        return Path(self.hub_key) if self.hub_key else self.keys_dir / "hub-ed25519.pem"

    @property
    def evidence_key_file(self) -> Path:
        return self.evidence_key or self.keys_dir / "evidence-p256.pem"

    @property
    def log_name(self) -> str:
        """The origin of the transparency log (C2SP tlog-checkpoint)."""
        return self.log_origin or f"{'-'.join(self.hub_name.replace('+', '-').split())}/log"

    @property
    def witness_addresses(self) -> tuple[tuple[VerifierKey, str], ...]:
        """Witnesses of this log: key and submission prefix."""
        return witness_addresses(self.witnesses)

    @property
    def watched_logs(self) -> tuple[VerifierKey, ...]:
        """Logs of others that this hub witnesses."""
        return log_keys(self.witness_logs)

    @property
    def push_reach(self) -> Reach:
        """Where pushes may go."""
        return Reach.of(self.push_allowed_networks, self.push_plain_http)

    @property
    def time_authorities(self) -> tuple[str, ...]:
        """URLs of the time-stamping authorities."""
        return listed(self.tsa_urls)

    @property
    def addressees(self) -> tuple[str, ...]:
        """Who is told of alerts, each with the way before a colon."""
        mailboxes = tuple(f"mail:{one}" for one in listed(self.alert_mail))
        return (*mailboxes, *(f"webhook:{one}" for one in listed(self.alert_webhooks)))

    @property
    def folders(self) -> Root | None:
        """Where systems may have folders."""
        return None if self.folder_root is None else Root(self.folder_root)

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def base_url(self) -> str:
        """Where agencies reach this hub, without a trailing slash."""
        if self.public_url:
            return self.public_url.rstrip("/")
        scheme = "https" if self.tls_certificate else "http"
        return f"{scheme}://{self.listen}"


def listed(value: str) -> tuple[str, ...]:
    """The parts between commas, each once."""
    return tuple(dict.fromkeys(one.strip() for one in value.split(",") if one.strip()))


def load(**overrides: Any) -> Settings:
    """Read the settings; raises ``Misconfigured`` with one finding for every wrong one."""
    given = {name: value for name, value in overrides.items() if value is not None}
    if unreadable := _unreadable_sources():
        raise Misconfigured("settings-invalid", findings=unreadable)
    try:
        return Settings(**given)
    except ValidationError as error:
        raise Misconfigured("settings-invalid", findings=tuple(map(_finding, error.errors()))) from error


def _finding(problem: ErrorDetails) -> Finding:
    name = "_".join(str(part) for part in problem["loc"])
    return Finding("settings-invalid", problem["msg"].removeprefix("Value error, "), f"LIENTHONG_{name.upper()}")


def _unreadable_sources() -> tuple[Finding, ...]:
    """A named file or directory that is not there must not count as one without settings."""
    findings = []
    if (directory := os.environ.get("LIENTHONG_SECRETS_DIR")) and not Path(directory).is_dir():
        findings.append(Finding("settings-invalid", f"{directory}: not a directory", "LIENTHONG_SECRETS_DIR"))
    if file := os.environ.get("LIENTHONG_CONFIG"):
        try:
            tomllib.loads(Path(file).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:  # ValueError: not UTF-8, not TOML
            reason = error.strerror if isinstance(error, OSError) else str(error)
            findings.append(Finding("settings-invalid", f"{file}: {reason}", "LIENTHONG_CONFIG"))
    return tuple(findings)


def terminal_language() -> str:
    """The locale's name that the terminal asks for (POSIX order of precedence); empty when it asks for none."""
    return next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
