"""Proofs, room by room; ``tests.services`` starts the private PostgreSQL and RabbitMQ they run against."""
