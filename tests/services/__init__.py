"""Private, throw-away services for tests and benchmarks: the real PostgreSQL, the real RabbitMQ, the real clamd,
SoftHSM.

In charge of: finding the installed programs, running them on free loopback ports with their own data, and leaving
nothing behind, not even when the caller is killed.
Comes in: nothing but the machine's installed packages. Goes out: connection URLs, and handles to stop, kill and wipe.
All calls block; from a coroutine use ``asyncio.to_thread``.
"""

from tests.services.clamd import Clamd
from tests.services.postgresql import PostgreSQL
from tests.services.processes import ComponentMissing, ServiceFailed
from tests.services.rabbitmq import RabbitMQ
from tests.services.softhsm import SoftHsm

__all__ = ["Clamd", "ComponentMissing", "PostgreSQL", "RabbitMQ", "ServiceFailed", "SoftHsm"]
