"""Push: the hub brings documents and receipts to a system's own HTTPS address (channel ``push``).

In charge of: one signed POST a delivery (Standard Webhooks 1.0.0), what the answer means, where a URL may lead.
Comes in: parcels and receipts of the carriage, answers of receivers. Goes out: HTTP requests, outcomes.
Only a 2xx is success. Redirects are not followed, proxies of the environment are not used, no answer is believed beyond
its status. The receiver's side is told in ``schemas/push.md``.
"""

from adapters.push.carrier import PushCarrier, PushPolicy

__all__ = ["PushCarrier", "PushPolicy"]
