"""``lienthong db`` and ``doctor``: is everything in order, and bringing it there."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import clock
from hub.cli import guarding, output
from hub.language import _
from hub.problems import HubError

if TYPE_CHECKING:
    from hub.ledger import Ledger
    from hub.ledger.trust import ListState
    from hub.receipts.office_time import Calendar
    from hub.signatures.jws import HubKey

Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help=_("Directory for payloads, keys and the embedded ledger."))
]


def _opened(data: Path | None) -> Ledger:
    """The ledger as it is: without wiring, whose imports take longer than most of these commands."""
    from hub import settings
    from hub.ledger import Ledger

    chosen = settings.load(data_dir=data)
    return Ledger.chosen(chosen.database_url, chosen.database_connections, chosen.data_dir)


AppRole = Annotated[
    str | None,
    typer.Option("--app-role", metavar="ROLE", help=_("Then give the hub's own role its rights (PostgreSQL).")),
]


def db_upgrade(data: Data = None, app_role: AppRole = None, as_json: output.AsJson = False) -> None:
    from hub.ledger import guard, migration

    ledger = _opened(data)
    try:
        version = migration.upgrade(ledger)
        if app_role is not None:
            ledger.write_now(guard.grant, app_role)
    finally:
        ledger.close()
    output.show({"version": version}, [f"{_('The schema is at version')} {version}"])


def db_check(data: Data = None, as_json: output.AsJson = False) -> None:
    from hub.ledger import migration

    ledger = _opened(data)
    try:
        migration.require_head(ledger)
    finally:
        ledger.close()
    output.show({"version": migration.head()}, [f"{_('The schema is at version')} {migration.head()}"])


def doctor(data: Data = None, as_json: output.AsJson = False) -> None:
    import asyncio

    from hub import settings

    try:
        chosen = settings.load(data_dir=data)
    except HubError as error:
        checks = [{"check": one.location, "ok": False, "detail": one.detail} for one in error.findings]
    else:
        checks = asyncio.run(_examine(chosen))
    lines = output.table(
        (_("Check"), _("Result"), _("Detail")),
        [(one["check"], _("good") if one["ok"] else _("WRONG"), one["detail"]) for one in checks],
    )
    output.show({"ok": all(one["ok"] for one in checks), "checks": checks}, lines)
    if not all(one["ok"] for one in checks):
        raise typer.Exit(1)


async def _examine(chosen: Any) -> list[dict[str, Any]]:
    from hub import keyring, wiring
    from hub.broker.rabbit import RabbitBroker
    from hub.cli import outward
    from hub.ledger import agencies, systems, transparency, trust

    checks: list[dict[str, Any]] = []

    def note(name: str, good: bool, detail: object) -> None:
        checks.append({"check": name, "ok": good, "detail": str(detail)})

    def attempt(name: str, work: Any) -> Any:
        try:
            answer = work()
        except (HubError, OSError, ValueError) as error:
            note(name, False, error)
            return None
        note(name, True, answer)
        return answer

    note("engine", True, "embedded" if chosen.embedded else "production")
    attempt("address", lambda: _address(chosen))
    attempt("data directory", lambda: _writable(chosen.data_dir))
    attempt("hub key", lambda: _key_words(keyring.load_hub_key(chosen)))
    attempt("log key", lambda: ", ".join(one.log_key.text for one in keyring.load_signing(chosen).signers))
    if attempt("schema", lambda: _schema(chosen)):
        ledger = wiring.open_ledger(chosen)
        anchors, _lists = ledger.read_now(trust.listing)
        attempt("log name", lambda: ledger.read_now(transparency.require_origin, chosen.log_name))
        note("trust anchors", bool(anchors), len(anchors))
        note("revocation lists", *_list_words(ledger.read_now(trust.list_states, clock.now(), _max_age(chosen))))
        note("systems", True, len(ledger.read_now(systems.every)))
        note("registry revision", True, ledger.read_now(agencies.revision))
        for one in guarding.examine(ledger):
            note(*one)
        ledger.close()
    if chosen.broker_url is not None:
        broker = RabbitBroker(chosen.broker_url)
        await broker.open()
        note("broker", await broker.ready(), chosen.broker_url.rpartition("@")[2])
        await broker.close()
    if calendar := attempt("deadlines", lambda: _calendar(chosen)):
        note("calendar", *_calendar_words(calendar, clock.now().astimezone(clock.VIETNAM).date()))
    attempt("retention", lambda: _retention(chosen))
    note("malware scan", *await _scanner(chosen))
    note("PDF reader", *await _reader())
    for one in await outward.examine(chosen):
        note(*one)
    return checks


def _key_words(key: HubKey) -> str:
    return f"{key.kid} ({key.algorithm})"


async def _reader() -> tuple[bool, str]:
    """Whether the process that reads PDFs can be started here and does its work."""
    from io import BytesIO

    from adapters.sandbox.documents import simple_pdf
    from hub.inspection.inspector import Inspector

    content = simple_pdf("", [[""]])
    inspector = Inspector(processes=1)
    told = await inspector.pages("", len(content), lambda: BytesIO(content))
    inspector.close()
    return told.pages == 1, told.detail or "ok"


async def _scanner(chosen: Any) -> tuple[bool, str]:
    """Whether attachments are scanned as the settings say, and the scanner's version or what is wrong with it."""
    from hub.inspection.clamd import Clamd

    if chosen.clamd is None:
        return True, _("attachments are not scanned: LIENTHONG_CLAMD is not set")
    clamd = Clamd(chosen.clamd, patience=chosen.clamd_seconds)
    try:
        version = await clamd.version()
        if not await clamd.reports_limits():
            advice = _("set AlertExceedsMax yes in clamd.conf, or what is over its limits passes")
            return False, f"{version}: {advice}"
    except HubError as error:
        return False, f"{chosen.clamd}: {error.detail}"
    return True, version


def _calendar(chosen: Any) -> Calendar:
    """The calendar by which deadlines count. Raises ``Misconfigured``."""
    from hub.receipts import deadline_policy

    return deadline_policy.load(chosen.deadlines).office.calendar


def _calendar_words(calendar: Calendar, today: date) -> tuple[bool, str]:
    """A year without data has weekends only; from December on the next one has to be there."""
    wanted = [today.year] if today.month < 12 else [today.year, today.year + 1]
    missing = [str(year) for year in wanted if year not in calendar.years]
    derived = sum(one.basis == "derived" and one.day.year in wanted for one in calendar.off.values())
    words = [str(calendar)]
    if missing:
        words.append(_("no holidays for {years}: only weekends are skipped").format(years=", ".join(missing)))
    if derived:
        words.append(_("{count} days off are derived, not announced: compare them").format(count=derived))
    return not missing, "; ".join(words)


def _retention(chosen: Any) -> str:
    """The classes of the policy and for how long each is kept. Raises ``ValueError`` with everything that is wrong."""
    from hub.retention import policy

    try:
        classes = policy.load(chosen.retention).classes
    except HubError as error:
        raise ValueError("; ".join(one.detail for one in error.findings)) from error
    return ", ".join(f"{one.name} {one.years or 'permanent'}" for one in classes)


def _max_age(chosen: Any) -> timedelta | None:
    seconds = chosen.revocation_max_age_seconds
    return None if seconds is None else timedelta(seconds=seconds)


def _list_words(states: list[ListState]) -> tuple[bool, str]:
    """Stale lists are wrong: where issuers cannot be asked, their certificates are deferred or accepted as pending."""
    stale = [
        f"{one.issuer} ({one.source}, until {one.next_update:%Y-%m-%d %H:%M} UTC)"
        for one in states
        if one.state == "stale"
    ]
    unverified = [one.issuer for one in states if one.state == "unverified"]
    words = [f"{len(states) - len(stale) - len(unverified)} fresh"]
    words += [f"stale: {', '.join(stale)}"] if stale else []
    words += [f"authority not known yet: {', '.join(unverified)}"] if unverified else []
    return not stale, "; ".join(words)


def _address(chosen: Any) -> str:
    from hub import wiring

    wiring.check_roles(chosen, wiring.ROLES)
    return str(chosen.listen)


def _schema(chosen: Any) -> str:
    from hub import wiring
    from hub.ledger import migration

    ledger = wiring.open_ledger(chosen)
    try:
        migration.require_head(ledger)
    finally:
        ledger.close()
    return migration.head()


def _writable(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    probe = directory / ".doctor"
    probe.write_bytes(b"")
    probe.unlink()
    return directory.resolve()


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    group.command("upgrade", help=_("Bring the schema to the version of this program."))(db_upgrade)
    group.command("grant", help=_("Give the hub's own role its rights; run as the owner."))(guarding.db_grant)
    group.command("check", help=_("Say whether the schema is at the version of this program."))(db_check)
    app.add_typer(group, name="db", help=_("The database schema."))
    app.command(help=_("Examine settings, keys, database and broker; name everything that is wrong."))(doctor)
