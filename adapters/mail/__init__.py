"""Mail: the channel of agencies without a system, and mail to duty contacts.

In charge of: notices with a link, documents as attachments, receipts by mail, reading what came back as undeliverable.
Comes in: parcels, receipts, words for duty contacts, a Maildir of bounces. Goes out: mail over SMTP with TLS, outcomes.
A mail server's 250 means that it took the mail, not that an office read it: nobody is told more than that.
Implements: RFC 5321, 3207, 8314 (SMTP, TLS), RFC 5322, 2047, 2231, 3834 (the mail), RFC 3461, 3464, 3463 (bounces).
"""

from adapters.mail.bounces import BounceReader
from adapters.mail.carrier import MailCarrier
from adapters.mail.duty import SmtpDutyMail
from adapters.mail.server import Server
from adapters.mail.submission import Submission
from hub.registry.mailbox import MailOptions

__all__ = ["BounceReader", "MailCarrier", "MailOptions", "Server", "SmtpDutyMail", "Submission"]
