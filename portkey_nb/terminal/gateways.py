"""``portkey-nb demo | gateway``: gateways on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from portkey_nb.errors import APIConnectionError, SettingsError
from portkey_nb.gateway.local import LocalGateway
from portkey_nb.gateway.node import VERSION
from portkey_nb.gateway.presence import announced, running


def demo(arguments: argparse.Namespace) -> int:
    """Serve the demo gateway."""
    from portkey_nb.gateway.demo.server import DemoGateway  # tornado: only for this command

    with DemoGateway(port=arguments.port) as served:
        print(
            f"the demo gateway answers at {served.base_url} (simulated models; Ctrl-C stops it)\n"
            f"  export PORTKEY_BASE_URL={served.base_url}",
            flush=True,
        )
        threading.Event().wait()
    return 0


def gateway(arguments: argparse.Namespace) -> int:
    """Run the open-source gateway."""
    found = running()
    if found is not None and arguments.port is None:
        raise SettingsError(f'a gateway runs already at {found}: use it by base_url="local", or give --port N')
    # A plain TERM ends it in good order too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with (
            LocalGateway(arguments.port).start(tell=lambda line: print(line, file=sys.stderr, flush=True)) as served,
            announced(served.pid, served.base_url),
        ):
            print(
                f"The Portkey gateway {VERSION} listens at {served.base_url} (this machine only); Ctrl-C stops it.\n"
                f'Use it by base_url="local", or export PORTKEY_BASE_URL=local; its log is {served.log}',
                flush=True,
            )
            status = served.wait()
            words, log = served.last_words, served.log
    except KeyboardInterrupt:
        return 0
    raise APIConnectionError(f"the gateway ended by itself (exit status {status}), with {words}; its log is {log}")
