"""``python -m hub`` is the command ``lienthong``."""

from hub.cli import main

main()
