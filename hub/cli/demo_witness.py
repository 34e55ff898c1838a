"""The demo's witness: beside the hub, on a loopback port of its own, with a throw-away key.

It proves to nobody that the demo is honest: who runs a hub must not run its witnesses. It shows what one does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.settings import Settings

NAME = "witness.demo/w1"


class DemoWitness:
    """Bound when made. ``settings``: those of the hub. Raises ``Misconfigured``."""

    def __init__(self, settings: Settings) -> None:
        from adapters.witness import FileMemory
        from hub.audit.note import NoteSigner
        from hub.audit.witness import Witness
        from hub.gateway import serving
        from hub.gateway.witness import HEAD_SECONDS, MOST_REQUESTS, application
        from hub.keyring import load_signing
        from hub.signatures.jws import HubKey

        place = settings.data_dir / "witness"
        signer = NoteSigner(NAME, HubKey.load_or_create(place / "key.pem").private)
        self._memory = FileMemory(place / "state")
        logs = [one.log_key for one in load_signing(settings).signers]
        self._listener = serving.bound("127.0.0.1", 0, "demo")
        self._listener.listen()  # the hub may ask before anybody serves
        app = application(Witness([signer], logs, self._memory))
        self._server = serving.small_server(app, HEAD_SECONDS, MOST_REQUESTS)
        self.setting = f"{signer.witness_key.text}=http://127.0.0.1:{self._listener.getsockname()[1]}"

    async def run(self) -> None:
        """Until cancelled."""
        await self._server.serve(sockets=[self._listener])

    def close(self) -> None:
        self._memory.close()
        self._listener.close()
