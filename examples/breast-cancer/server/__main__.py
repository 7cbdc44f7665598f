"""Start, serve until told to stop, stop without losing a request."""

import os
import signal
import sys
import threading
import time

from server.http import ModelServer
from server.log import log
from server.model import ModelError, load_model
from server.settings import Settings, SettingsError


def main() -> int:
    started = time.perf_counter()
    # Blocked here and taken by sigwait below: no handler ever runs in the middle of other code,
    # and a process that is number 1 of its container gets the signal too.
    stop_signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)
    try:
        settings = Settings.from_environment(os.environ)
        model = load_model(settings)
        server = ModelServer(settings, model)
    except (SettingsError, ModelError, OSError) as error:
        log("error", "cannot start", reason=str(error))
        return 2

    threading.Thread(target=server.serve_forever, name="accept", daemon=True).start()
    log(
        "info",
        "serving",
        port=server.port,
        version=model.version,
        source=model.source,
        milliseconds=round((time.perf_counter() - started) * 1000),
    )
    received = signal.Signals(signal.sigwait(stop_signals))
    server.draining.set()  # first: who reads the line may count on it
    log("info", "stopping", signal=received.name, connections=server.connections.count())
    left = server.drain()
    if left:
        log("error", "stopped with connections still busy", connections=left)
        return 1
    log("info", "stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
