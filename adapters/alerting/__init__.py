"""Alerting: notices of alerts go out by mail and to webhooks.

In charge of: how a notice looks on each way, and whether it was taken.
Comes in: alerts of ``hub.alerts``, an address of the settings. Goes out: one mail for all that is due, one signed POST
for each notice (Standard Webhooks 1.0.0).
Both languages stand in every notice. Nothing of a document goes out: agencies and systems by name, counts and times.
"""

from adapters.alerting.mail import MailWay
from adapters.alerting.webhook import WebhookWay

__all__ = ["MailWay", "WebhookWay"]
