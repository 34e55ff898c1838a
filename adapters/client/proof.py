"""Checking what the hub signed, without trusting the hub: receipts (JWS, RFC 7515) against its published keys."""

from __future__ import annotations

from hub.signatures.receipt_tokens import TYPE, verify_receipt

__all__ = ["TYPE", "verify_receipt"]
