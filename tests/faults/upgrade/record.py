"""Stores the objects that this version of the operator writes, for the upgrade tests.

Run once for each release: ``.venv/bin/python -m tests.faults.upgrade.record``. What is stored of
earlier versions stays as it is.
"""

import tempfile
from pathlib import Path

from contender import __version__
from dev.cluster.apiserver import ApiServer
from tests.conftest import _audit_flags
from tests.contract.server import ACCOUNT, GROUPS, Server
from tests.faults.upgrade import situations, stored
from tests.scenarios.world import World


def main() -> None:
    """Play all situations on an API server of their own, and store what comes of them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ApiServer(flags=_audit_flags(folder), tokens={ACCOUNT: GROUPS}) as running:
            server = Server(running, audit=folder / "audit.log")
            server.install()
            world = World(server, folder / "operator.log")
            world.start_operator()
            situations.play(world)
            for situation in situations.NAMES:
                stored.save(world, __version__, situation)
            world.leave()
            server.close()


if __name__ == "__main__":
    main()
