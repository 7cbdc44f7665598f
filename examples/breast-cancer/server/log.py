"""One line of JSON per event, on standard output."""

import json
import sys
import threading
from datetime import UTC, datetime

_lock = threading.Lock()


def log(level: str, message: str, **fields: object) -> None:
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = json.dumps({"time": moment, "level": level, "message": message, **fields})
    with _lock:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
