"""``lienthong key``: the hub's keys, the one that signs and the next, and replacing one by the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli import output
from hub.cli.store import Data, opened
from hub.language import _
from hub.problems import Refused

if TYPE_CHECKING:
    from hub.keyring import Purpose
    from hub.ledger.hub_keys import PublishedKey
    from hub.settings import Settings
    from hub.signatures.keys.ring import Ring

OfLog = Annotated[bool, typer.Option("--log", help=_("The transparency log's key, not the one that signs receipts."))]
Kid = Annotated[str, typer.Argument(metavar="KID", help=_("A key's name, as `key list` shows it."))]


def key_list(data: Data = None, as_json: output.AsJson = False) -> None:
    from hub import clock
    from hub.ledger import hub_keys

    settings = _settings(data)
    standing = {kid: words for purpose in _purposes() for kid, words in _standing(settings, purpose).items()}
    with opened(data) as ledger:
        known = ledger.read_now(hub_keys.every)
    shown = [
        {
            "kid": one.kid,
            "purpose": one.purpose,
            "algorithm": one.jwk["alg"],
            "state": _state(one, standing),
            "added_at": clock.rfc3339(one.added_at),
            "retired_at": None if one.retired_at is None else clock.rfc3339(one.retired_at),
            "key": one.jwk,
        }
        for one in known
    ]
    names = ("kid", "purpose", "algorithm", "state", "added_at", "retired_at")
    heads = (_("Key"), _("Signs"), _("Algorithm"), _("State"), _("Published"), _("Retired"))
    output.show(shown, output.table(heads, [[one[name] or "" for name in names] for one in shown]))


def prepare(
    place: Annotated[
        str, typer.Argument(metavar="[FILE|pkcs11:…]", help=_("Where the key is or shall be; else a new file."))
    ] = "",
    log: OfLog = False,
    algorithm: Annotated[
        str | None, typer.Option("--algorithm", metavar="EdDSA|ES256", help=_("For a new key in hardware."))
    ] = None,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """Make the next key, where there is none yet, and publish it before it signs."""
    from dataclasses import replace

    from hub import keyring
    from hub.ledger import hub_keys

    if algorithm not in (None, "EdDSA", "ES256"):
        raise typer.BadParameter("EdDSA|ES256")
    settings, purpose = _settings(data), _purpose(log)
    ring = keyring.ring_of(settings, purpose)
    where, private = keyring.made(settings, purpose, place, "EdDSA" if log else algorithm)
    jwk = _jwk(private, purpose)
    with opened(data) as ledger:
        known = ledger.write_now(hub_keys.publish, purpose.name, jwk, _actor())
    if known.retired_at is not None:
        raise Refused("registry-invalid", f"{known.kid}: retired already", "key")
    if where not in ring.all:
        keyring.keep_ring(settings, purpose, replace(ring, next=where))
    shown = {"kid": jwk["kid"], "purpose": purpose.name, "algorithm": jwk["alg"], "place": where}
    lines = [f"{jwk['kid']}  {jwk['alg']}  {where}"]
    if where != ring.signs:
        lines.append(_("Published. Let it sign with `lienthong key rotate`, five minutes from now or later."))
    output.show(shown, lines)


def rotate(
    log: OfLog = False,
    now: Annotated[
        bool, typer.Option("--now", help=_("Do not wait until everybody can have seen the published key."))
    ] = False,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """The prepared key signs in all processes that are started from now on."""
    from datetime import timedelta

    from hub import clock, keyring
    from hub.ledger import hub_keys

    settings, purpose = _settings(data), _purpose(log)
    ring = keyring.ring_of(settings, purpose)
    if ring.next is None:
        raise Refused("registry-unknown", _("no next key: `lienthong key prepare` makes it"), "key")
    former, kid = (_kid(settings, purpose, place) for place in (ring.signs, ring.next))
    with opened(data) as ledger:
        seen = ledger.read_now(hub_keys.find, kid).added_at + timedelta(seconds=hub_keys.HELD_SECONDS)
        if not now and clock.now() < seen:
            reason = _("agencies may not have seen it yet: from {moment} on, or with --now")
            raise Refused("registry-invalid", reason.format(moment=clock.rfc3339(seen)), "key")
        ledger.write_now(hub_keys.rotate, purpose.name, former, kid, _actor())
    keyring.keep_ring(settings, purpose, ring.rotated())
    lines = [
        f"{former} → {kid}",
        _("Start the hub's processes again, one after the other; those that run sign with the former key until then."),
        _("When all have been: `lienthong key retire -- {kid}`.").format(kid=former),
    ]
    output.show({"kid": kid, "former": former, "purpose": purpose.name}, lines)


def retire(kid: Kid, data: Data = None, as_json: output.AsJson = False) -> None:
    """It signs no more; what it signed stays valid, and it stays published."""
    from hub import clock, keyring
    from hub.ledger import hub_keys

    settings = _settings(data)
    with opened(data) as ledger:
        known = ledger.read_now(hub_keys.find, kid)
        purpose = next(one for one in _purposes() if one.name == known.purpose)
        ring = keyring.ring_of(settings, purpose)
        if _kid(settings, purpose, ring.signs) == kid:
            raise Refused("registry-invalid", _("this key signs: `lienthong key rotate` first"), "key")
        retired = ledger.write_now(hub_keys.retire, kid, _actor())
    there = {place: _standing_at(settings, purpose, place) for place in ring.all[1:]}
    # a key whose file or token is gone already has no name any more: then it is one of those
    for place in [one for one in there if there[one] == kid] or [one for one in there if not there[one]]:
        ring = ring.without(place)
        keyring.keep_ring(settings, purpose, ring)
    shown = {"kid": kid, "purpose": known.purpose, "retired_at": clock.rfc3339(retired.retired_at or clock.now())}
    output.show(shown, [f"{kid}  {shown['retired_at']}"])


def _state(key: PublishedKey, standing: dict[str, str]) -> str:
    if key.retired_at is not None:
        return "retired"
    return standing.get(key.kid, "published")


def _standing(settings: Settings, purpose: Purpose) -> dict[str, str]:
    """What the keys in the ring are, by name, as far as they can be opened here."""
    from hub import keyring

    ring: Ring = keyring.ring_of(settings, purpose)
    words = {ring.signs: "signs", **dict.fromkeys(ring.former, "former")}
    if ring.next is not None:
        words[ring.next] = "next"
    return {_standing_at(settings, purpose, place): word for place, word in words.items()}


def _standing_at(settings: Settings, purpose: Purpose, place: str) -> str:
    """The key's name; empty where nothing is, or nothing that can be opened."""
    from hub import keyring
    from hub.problems import Misconfigured

    try:
        return _kid(settings, purpose, place) if keyring.is_there(settings, place) else ""
    except Misconfigured:  # a former key whose file or token is gone is none that signs
        return ""


def _kid(settings: Settings, purpose: Purpose, place: str) -> str:
    from hub import keyring

    return _jwk(keyring.opened(settings, purpose, place), purpose)["kid"]


def _jwk(private: Any, purpose: Purpose) -> dict[str, str]:
    from hub import keyring
    from hub.signatures.jws import jwk_of

    jwk = jwk_of(private.public_key())
    if purpose is keyring.LOG and jwk["alg"] != "EdDSA":
        reason = _("the log signs with Ed25519 (C2SP signed-note); let its key stay in a file if the module has none")
        raise Refused("registry-invalid", reason, "key")
    return jwk


def _purposes() -> tuple[Purpose, ...]:
    from hub import keyring

    return keyring.RECEIPTS, keyring.LOG


def _purpose(log: bool) -> Purpose:
    return _purposes()[log]


def _actor() -> str:
    from hub.ledger.registration import ACTOR

    return ACTOR


def _settings(data: Path | None) -> Settings:
    from hub import settings

    return settings.load(data_dir=data)


COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "list": (key_list, _("All keys that ever signed, and what they do now.")),
    "prepare": (prepare, _("Make the next key, or name it, and publish it before it signs.")),
    "rotate": (rotate, _("Let the prepared key sign; the former one stays published.")),
    "retire": (retire, _("Mark a former key: it signs no more, what it signed stays valid.")),
}


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    for verb, (command, words) in COMMANDS.items():
        group.command(verb, help=words)(command)
    app.add_typer(group, name="key", help=_("The hub's own keys: replacing them, keys in hardware."))
