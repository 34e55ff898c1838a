"""What ``lienthong doctor`` looks at outside the hub: mail, folders, RabbitMQ, time stamps, witnesses."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from hub.language import _
from hub.problems import HubError

if TYPE_CHECKING:
    from hub.settings import Settings

Check = tuple[str, bool, str]
# what a witness answers to a request that is none (C2SP tlog-witness)
MALFORMED = 400


async def examine(settings: Settings) -> list[Check]:
    """Name, whether it is good, and words, of each."""
    checks = [("mail server", *await _mail_server(settings))]
    checks.append(("alerts", *_alerts(settings)))
    if settings.smtp_url is not None and settings.public_url is None:
        words = _("LIENTHONG_PUBLIC_URL is not set: links in mails lead to this machine only")
        checks.append(("links in mails", False, f"{words} ({settings.base_url})"))
    if settings.bounces is not None:
        checks.append(("bounces", *_directory(settings.bounces / "new", settings.bounces)))
    if settings.folder_root is not None:
        checks.append(("folders", *_directory(settings.folder_root)))
    if settings.broker_management_url is not None:
        checks.append(("broker management", *await asyncio.to_thread(_management, settings)))
    if settings.push_ca_file is not None:
        checks.append(("authorities of receivers", *_authorities(settings.push_ca_file)))
    checks += await _time_stamps(settings)
    checks += await _witnesses(settings)
    return checks


async def _witnesses(settings: Settings) -> list[Check]:
    """Whether each witness of the log answers: it is sent nothing, which none may take for a checkpoint."""
    from hub import proving
    from hub.audit.note import VerifierKey
    from hub.audit.witnessing import Unreachable

    async def ask(key: VerifierKey, url: str) -> Check:
        connection = proving.witness_at(settings, url)
        try:
            status = (await connection.add_checkpoint(b"")).status
        except Unreachable as error:
            return "witness", False, f"{key.name}, {url}: {error}"
        finally:
            await connection.close()
        answers = _("answers") if status == MALFORMED else _("answers {status}").format(status=status)
        return "witness", status == MALFORMED, f"{key.name}, {url}: {answers}"

    try:
        return list(await asyncio.gather(*(ask(key, url) for key, url in settings.witness_addresses)))
    except HubError as error:
        return [("witness", False, error.detail)]


async def _time_stamps(settings: Settings) -> list[Check]:
    """Whether each authority gives a time stamp now; one is really asked for, over octets that mean nothing."""
    from adapters.tsa import HttpInquiry
    from hub import proving
    from hub.audit.stamping import Unanswered, address, stamped
    from hub.signatures.timestamps import NotStamped

    if not settings.time_authorities:
        return []
    try:
        trust = proving.load_time_trust(settings)
    except HubError as error:
        return [("time stamps", False, error.detail)]
    inquiry = HttpInquiry(settings.tsa_timeout_seconds, settings.tsa_proxy)

    async def ask(url: str) -> Check:
        try:
            stamp = await stamped(inquiry, url, b"lienthong doctor", trust)
        except (NotStamped, Unanswered) as error:
            return "time stamps", False, f"{address(url)}: {error}"
        return "time stamps", True, f"{address(url)}: {stamp.signer}, {stamp.policy}, {stamp.at:%Y-%m-%d %H:%M:%S} UTC"

    return list(await asyncio.gather(*map(ask, settings.time_authorities)))


def _authorities(file: Path) -> tuple[bool, str]:
    """Whether the file holds certificates that receivers of pushes can be proved with."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(file)
    except OSError as error:  # SSLError too: not PEM
        return False, f"{file}: {error.strerror or error}"
    return True, str(file)


def _management(settings: Settings) -> tuple[bool, str]:
    from adapters.amqp.account import virtual_host
    from adapters.amqp.management import Management, ManagementUnavailable

    try:
        return True, Management(settings.broker_management_url or "", virtual_host(settings.broker_url or "")).probe()
    except ManagementUnavailable as error:
        return False, str(error)


def _alerts(settings: Settings) -> tuple[bool, str]:
    """Who is told; whether they can be is tried with ``lienthong alert test``."""
    if not settings.addressees:
        return True, _("nobody is told of alerts: LIENTHONG_ALERT_MAIL and LIENTHONG_ALERT_WEBHOOKS are not set")
    return True, ", ".join(one.partition(":")[2] for one in settings.addressees)


async def _mail_server(settings: Settings) -> tuple[bool, str]:
    from hub.channels import submission

    try:
        found = submission(settings)
    except HubError as error:
        return False, error.detail
    if found is None:
        return True, _("nothing is mailed: LIENTHONG_SMTP_URL is not set")
    failed = await found.probe()
    found.close()
    return (
        failed is None,
        found.server.name if failed is None else f"{found.server.name}: {failed.code}: {failed.detail}",
    )


def _directory(*directories: Path) -> tuple[bool, str]:
    """Whether all of them are there and may be written."""
    for one in directories:
        if not one.is_dir():
            return False, _("not a directory") + f": {one}"
        if not os.access(one, os.R_OK | os.W_OK | os.X_OK):
            return False, _("may not be written") + f": {one}"
    return True, str(directories[-1])
