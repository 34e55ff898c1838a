"""The agency's client (SDK): everything a document system needs to talk to a hub.

In charge of: tokens, retries, the calls of ``/v1``, reading refusals, checking receipts, the agency's profile file.
Comes in: signed envelopes, profiles, the hub's answers. Goes out: HTTP requests, typed answers, ``CallRefused``.
``HubClient`` blocks, ``AsyncHubClient`` awaits; both carry out the same conversations. Only ``_http`` knows httpx.
"""

from adapters.client.asynchronous import AsyncHubClient
from adapters.client.conversation import CallRefused, Credentials, HubUnreachable, RetryPolicy
from adapters.client.files import ContentFiles, FilePart, beside
from adapters.client.profile import Profile
from adapters.client.proof import verify_inclusion, verify_receipt
from adapters.client.synchronous import HubClient
from adapters.client.webhooks import verify_webhook

__all__ = [
    "AsyncHubClient",
    "CallRefused",
    "ContentFiles",
    "Credentials",
    "FilePart",
    "HubClient",
    "HubUnreachable",
    "Profile",
    "RetryPolicy",
    "beside",
    "verify_inclusion",
    "verify_receipt",
    "verify_webhook",
]
