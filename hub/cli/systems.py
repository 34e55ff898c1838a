"""``lienthong system``: document systems, their channels, and whether anything is handed over to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli import broker_account, output
from hub.cli.store import Data, opened
from hub.language import _
from hub.problems import Refused

if TYPE_CHECKING:
    from hub.ledger import Ledger
    from hub.registry.model import System
    from hub.settings import Settings

Name = Annotated[str, typer.Argument(metavar="NAME")]
Option = Annotated[
    list[str],
    typer.Option("--option", metavar="NAME=VALUE", help=_("What the channel needs to know; may be repeated.")),
]


def add(
    name: Name,
    channel: Annotated[str, typer.Option("--channel", metavar="pull|push|amqp|mail|folder")] = "pull",
    url: Annotated[str | None, typer.Option("--url", metavar="URL")] = None,
    option: Option = [],  # noqa: B006 - Typer never changes it
    auditor: Annotated[
        bool, typer.Option("--auditor", help=_("May read the exchange log and every document."))
    ] = False,
    inline_only: Annotated[
        bool, typer.Option("--inline-only", help=_("Takes documents with their attachments inside only."))
    ] = False,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    from hub import clock
    from hub.ledger import registration, systems
    from hub.registry import amqp

    settings = _settings(data)
    options, password = _options(option), clock.new_secret()
    if channel == "amqp":
        options[amqp.PASSWORD_HASH] = amqp.hashed(password)
    with opened(data) as ledger:
        client_id, secret = ledger.write_now(
            registration.add_system,
            name,
            channel,
            url,
            options=options,
            auditor=auditor,
            inline_only=inline_only,
            reach=settings.push_reach,
            folders=settings.folders,
        )
        added = ledger.read_now(systems.by_client, client_id)
    shown: dict[str, Any] = {"name": name, "client_id": client_id, "client_secret": secret}
    lines = [f"client_id: {client_id}", f"client_secret: {secret}", _("The secret is shown only now.")]
    if added is not None and channel == "push":
        shown["verify_with"] = keys = _keys(settings, added)
        lines += [f"verify_with: {key}" for key in keys] or [_not_yet()]
    if added is not None and channel == "amqp":
        account, more = broker_account.made(settings, added, password)
        shown, lines = {**shown, **account}, [*lines, *more]
    output.show(shown, lines)


def list_all(data: Data = None, as_json: output.AsJson = False) -> None:
    from hub.ledger import reconfiguring, systems
    from hub.registry import amqp

    with opened(data) as ledger:
        found = ledger.read_now(systems.every)
        troubles = ledger.read_now(reconfiguring.situation)
    shown = [
        {
            "name": one.name,
            "channel": one.channel,
            "url": one.url,
            "options": amqp.public(one.options),
            "client_id": one.client_id,
            "active": one.active,
            "inline_only": one.inline_only,
            "disabled": one.disabled,
            **troubles.get(one.id, {}),
        }
        for one in found
    ]
    rows = [
        (one.name, one.channel, one.client_id, _("yes") if one.active else _("no"), _state(troubles.get(one.id, {})))
        for one in found
    ]
    heads = (_("Name"), _("Channel"), "client_id", _("Active"), _("Hand-over"))
    output.show(shown, output.table(heads, rows))


def enable(name: Name, data: Data = None, as_json: output.AsJson = False) -> None:
    from hub.ledger import reconfiguring

    with opened(data) as ledger:
        ledger.write_now(reconfiguring.enable, name)
    output.show({"name": name, "disabled": False}, [name, _("Hand-over is tried again now.")])


def change(
    name: Name,
    url: Annotated[str | None, typer.Option("--url", metavar="URL")] = None,
    option: Option = [],  # noqa: B006 - Typer never changes it
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    from hub.ledger import reconfiguring
    from hub.registry import amqp

    settings = _settings(data)
    with opened(data) as ledger:
        changed = ledger.write_now(
            reconfiguring.change, name, url, _options(option), settings.push_reach, folders=settings.folders
        )
    shown = amqp.public(changed.options)
    output.show(
        {"name": name, "url": changed.url, "options": shown},
        [f"{name}: {changed.url or ''} {' '.join(f'{key}={value}' for key, value in shown.items())}".strip()],
    )


def rotate(
    name: Name,
    overlap: Annotated[
        int,
        typer.Option(
            "--overlap", metavar="HOURS", min=0, max=168, help=_("So long the client secret of before counts.")
        ),
    ] = 24,
    broker: Annotated[
        bool, typer.Option("--broker", help=_("Instead, a new password for the system's RabbitMQ user."))
    ] = False,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """A new client secret; the one before counts for a time, so that the system can change it without a gap."""
    from datetime import timedelta

    from hub import clock
    from hub.ledger import credentials

    settings = _settings(data)
    with opened(data) as ledger:
        if broker:
            _rotate_broker(settings, ledger, name)
            return
        done = ledger.write_now(credentials.rotate, name, timedelta(hours=overlap))
    until = None if done.former_until is None else clock.rfc3339(done.former_until)
    shown = {"name": name, "client_id": done.client_id, "client_secret": done.secret, "former_until": until}
    kept = _("The secret of before counts until {time} (UTC).").format(time=until[:19]) if until else ""
    ended = _("The secrets of before count no more.")
    lines = [f"client_id: {done.client_id}", f"client_secret: {done.secret}", kept or ended]
    output.show(shown, [*lines, _("The secret is shown only now.")])


def _rotate_broker(settings: Settings, ledger: Ledger, name: str) -> None:
    """A new password for the RabbitMQ user of a system that takes its documents by AMQP."""
    from hub import clock
    from hub.ledger import reconfiguring, systems
    from hub.registry import amqp

    password = clock.new_secret()
    known = ledger.read_now(systems.by_name, name)
    if known is None:
        raise Refused("registry-unknown", name, "system")
    if known.channel != "amqp":
        raise Refused("registry-invalid", f"{known.channel}: only amqp has a password of its own", "channel")
    changed = ledger.write_now(reconfiguring.change, name, None, {amqp.PASSWORD_HASH: amqp.hashed(password)})
    shown, lines = broker_account.made(settings, changed, password, again=True)
    output.show({"name": name, **shown}, [*lines, _("The password is shown only now.")])


def keys(name: Name, data: Data = None, as_json: output.AsJson = False) -> None:
    """What the receiver of pushes verifies their signatures with."""
    from hub.ledger import systems

    settings = _settings(data)
    with opened(data) as ledger:
        known = ledger.read_now(systems.by_name, name)
    if known is None:
        raise Refused("registry-unknown", name, "system")
    found = _keys(settings, known)
    output.show({"name": name, "verify_with": found}, found or [_not_yet()])


def _settings(data: Path | None) -> Settings:
    from hub import settings

    return settings.load(data_dir=data)


def _options(given: list[str]) -> dict[str, Any]:
    pairs = [one.partition("=") for one in given]
    if wrong := [name for name, equals, _value in pairs if not name or not equals]:
        raise Refused("registry-invalid", f"{wrong[0]}: NAME=VALUE", "option")
    return {name: value for name, _equals, value in pairs}


def _keys(settings: Settings, system: System) -> list[str]:
    """None as long as the hub has no key: it makes its own when it starts, under its own account."""
    from hub.keyring import known_derivation
    from hub.registry.push import key_numbers
    from hub.signatures.webhooks import WebhookKeys

    derivation = known_derivation(settings)
    if derivation is None:
        return []
    keys = WebhookKeys([derivation], system.id, key_numbers(system.options))
    return keys.shown(str(system.options.get("signature", "v1a")))


def _not_yet() -> str:
    return _("The hub has no key yet: ask `lienthong system keys` once it has run.")


def _state(trouble: dict[str, Any]) -> str:
    if "disabled_at" in trouble:
        return _("disabled") + f": {trouble['disabled_reason']}"
    if "failing" in trouble:
        return f"{trouble['failing']['code']} × {trouble['failing']['failures']}"
    return ""


COMMANDS: dict[str, Callable[..., None]] = {
    "add": add,
    "list": list_all,
    "enable": enable,
    "change": change,
    "keys": keys,
    "rotate": rotate,
}
