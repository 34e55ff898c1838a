"""Transit between the outbox and the courier: one durable queue per recipient system, at least once.

In charge of: the names and arguments of exchanges and queues, the versioned message, publishing with confirms,
consuming in batches, and mending itself after any outage without being restarted.
Comes in: claim checks (identifiers of one delivery, never its body), messages for systems that have a queue of their
own. Goes out: claim checks to one handler per system; what systems said to one listener.
Two implementations of one port: ``RabbitBroker`` (RabbitMQ 3.10+, 4.x), ``MemoryBroker`` (one process).
"""

from hub.broker.memory import MemoryBroker, MemoryQueues
from hub.broker.port import Broker, BrokerUnavailable, ClaimCheck, Handler
from hub.broker.rabbit import RabbitBroker

__all__ = ["Broker", "BrokerUnavailable", "ClaimCheck", "Handler", "MemoryBroker", "MemoryQueues", "RabbitBroker"]
