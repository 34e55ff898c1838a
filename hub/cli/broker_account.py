"""The RabbitMQ user of a system that takes its documents by AMQP, as the administrator's commands make and show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.cli import output
from hub.language import _

if TYPE_CHECKING:
    from hub.registry.model import System
    from hub.settings import Settings


def made(settings: Settings, system: System, password: str, *, again: bool = False) -> tuple[dict[str, Any], list[str]]:
    """Make the user, or give it the new password (``again``); what to show, for programs and for people.

    Without a management interface an operator's commands are shown instead. An interface that does not answer is no
    failure: the role ``deliver`` makes every registered system's user.
    """
    from adapters.amqp.account import Account, virtual_host
    from hub.broker.topology import RECEIPTS_EXCHANGE

    account = Account.of(system, virtual_host(settings.broker_url or ""))
    shown = {
        "amqp_user": account.user,
        "amqp_password": password,
        "virtual_host": account.vhost,
        "queue": account.queue,
        "exchange": RECEIPTS_EXCHANGE,
        "routing_key": account.user,
    }
    lines = [f"{name}: {value}" for name, value in shown.items()]
    if settings.broker_management_url is not None:
        _make(settings.broker_management_url, account.vhost, system, again=again)
        return shown, lines
    commands = account.commands(password, exists=again)
    return {**shown, "commands": commands}, [*lines, _("An operator runs these where RabbitMQ is:"), *commands]


def _make(url: str, vhost: str, system: System, *, again: bool) -> None:
    from adapters.amqp.management import Management, ManagementUnavailable

    management = Management(url, vhost)
    try:
        management.grant(system)
        if again:
            management.disconnect(system)
    except ManagementUnavailable as error:
        output.progress(str(error))
        output.progress(_("RabbitMQ's management does not answer; `lienthong deliver` makes the user when it does."))
