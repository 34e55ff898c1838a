"""Liên Thông: the hub through which government agencies exchange signed official documents."""

__version__ = "0.1.0"
