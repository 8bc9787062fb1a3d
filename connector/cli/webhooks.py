"""connector webhooks"""

from __future__ import annotations

import sys

import click

from .options import Options, group


@group()
def webhooks(options: Options) -> None:
    """Receive what platforms send by themselves."""


@webhooks.part
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", default=8377, show_default=True, help="0 takes any that is free.")
def serve(options: Options, *, host: str, port: int) -> None:
    """Keep every signed event in the inbox until stopped; the next sync takes it from there.

    Prints one line of JSON with the address when it is ready. Let a proxy with TLS pass
    https://…/hooks/ on to it.
    """
    import orjson

    from ..config import load, reveal
    from ..service.webhooks import ROOT, receiver, serving

    application = receiver(load(options.config).sources)
    for hook in application.hooks.values():
        reveal(hook)
    with serving(application, host, port) as server:
        url = f"http://{host}:{server.server_port}/{ROOT}/"
        ready = orjson.dumps({"url": url, "hooks": sorted(application.hooks)}).decode()
        sys.stdout.write(f"{ready}\n")
        sys.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            for (at, what), many in sorted(application.counts.items()):
                click.echo(f"{at}: {what} {many}", err=True)
