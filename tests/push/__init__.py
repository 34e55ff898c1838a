"""Tests of the push channel: a real receiver on loopback that behaves in every way a receiver can."""
