"""One contract for both brokers, and what only RabbitMQ can do to us: stop, die, forget everything."""
