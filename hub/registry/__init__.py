"""Registry: who takes part. Agencies, the systems that serve them, certificates, credentials, people.

In charge of: these nouns, how secrets are kept, and the cached directory that intake and routing ask.
Comes in: codes and aliases, certificates, credentials. Goes out: ``Agency``, ``System``, ``TrustStore``.
Stores nothing itself: the ledger does, behind ``DirectorySource``. The registry, not a pattern, is the authority.
"""
