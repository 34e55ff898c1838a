"""Evidence: everything about one letter in one file that a court can check without this hub, and the check itself.

In charge of: what goes into a pack and how it is written, sealed, explained and verified offline.
Comes in: an envelope's identifier and who asks; or, with no hub at all, a pack as a file and the keys one trusts.
Goes out: an ASiC-E container as a stream; or a table of claims, each good, wrong or unproved.
``verifying`` and what it uses touch neither ledger nor network.
"""
