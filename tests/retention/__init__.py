"""Retention: policy, holds, purges by two people, and files that go without taking what is needed."""
