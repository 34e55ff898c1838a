"""``lienthong witness``: a witness of other logs that needs neither database nor broker (C2SP tlog-witness)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli import output
from hub.language import _

if TYPE_CHECKING:
    from hub.audit.note import NoteSigner, VerifierKey

Listen = Annotated[str, typer.Option(metavar="HOST:PORT", help=_("Address to listen on, by plain HTTP."))]
Key = Annotated[Path, typer.Option(metavar="FILE.pem", help=_("The witness's Ed25519 key; made on first use."))]
Name = Annotated[str, typer.Option(metavar="NAME", help=_("The witness's name, for ever: HOST/PATH without a scheme."))]
Log = Annotated[list[str], typer.Option("--log", metavar="VKEY", help=_("Verifier key of a log; may be repeated."))]
State = Annotated[Path, typer.Option(metavar="DIR", help=_("Directory for what was cosigned; as precious as the key."))]


def witness(
    key: Key,
    name: Name,
    log: Log,
    state: State,
    listen: Listen = "127.0.0.1:8090",
    as_json: output.AsJson = False,
) -> None:
    import uvloop

    from adapters.witness import FileMemory
    from hub import logs
    from hub.audit.witness import Witness
    from hub.gateway import serving
    from hub.gateway.witness import HEAD_SECONDS, MOST_REQUESTS, application

    signer, watched = _signer(key, name), _logs(log)
    memory = FileMemory(state)
    host, port = _address(listen)
    listener = serving.bound(host, port, "--listen")
    listener.listen()
    logs.configure("info", "auto")
    told = {
        "url": f"http://{host if ':' not in host else f'[{host}]'}:{listener.getsockname()[1]}",
        "name": name,
        "key": signer.witness_key.text,
        "logs": [one.name for one in watched],
    }
    lines = [
        _("Verifier key") + f": {told['key']}",
        _("Logs") + f": {', '.join(told['logs'])}",
        _("In the settings of the logs") + f": LIENTHONG_WITNESSES={told['key']}={told['url']}",
    ]
    output.show(told, lines)
    app = application(Witness([signer], watched, memory))
    uvloop.run(serving.serve(serving.small_server(app, HEAD_SECONDS, MOST_REQUESTS), listener))
    memory.close()


def _signer(file: Path, name: str) -> NoteSigner:
    from hub.audit.note import NoteSigner
    from hub.problems import Misconfigured
    from hub.signatures.jws import HubKey

    try:
        private = HubKey.load_or_create(file).private
    except OSError as error:
        raise Misconfigured("settings-invalid", f"{file}: {error.strerror}", "--key") from error
    except ValueError as error:
        raise Misconfigured("settings-invalid", f"{file}: not a private key in PEM", "--key") from error
    try:
        return NoteSigner(name, private)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--name") from error


def _logs(texts: list[str]) -> tuple[VerifierKey, ...]:
    from hub.audit.addresses import log_keys

    try:
        return tuple(key for text in texts for key in log_keys(text))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--log") from error


def _address(listen: str) -> tuple[str, int]:
    host, _colon, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise typer.BadParameter(_("Must be HOST:PORT."), param_hint="--listen")
    return host.strip("[]"), int(port)


def register(app: typer.Typer) -> None:
    app.command("witness", help=_("Watch logs of others: cosign their checkpoints only if nothing was rewritten."))(
        witness
    )
