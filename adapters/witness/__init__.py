"""Witness: other programs that watch this log, and this program when it watches the logs of others.

In charge of: the HTTP way to a witness (C2SP tlog-witness), and the state of a witness that has no database.
Comes in: submissions, judged checkpoints. Goes out: replies of witnesses; one small file for each watched log.
Redirects are not followed, proxies of the environment are not used, answers are bounded in size and time.
"""

from adapters.witness.connection import HttpWitness
from adapters.witness.files import FileMemory

__all__ = ["FileMemory", "HttpWitness"]
