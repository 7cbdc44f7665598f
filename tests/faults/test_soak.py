"""Random operations, and what must hold all the while. The long version is `make soak`."""

import os

from dev.console import say
from tests.contract.server import Server
from tests.faults.soak_play import Play
from tests.faults.soak_run import Run, one_round

SEED = int(os.environ.get("SOAK_SEED", "1"))
MINUTES = float(os.environ.get("SOAK_MINUTES", "0"))
SHORT, LONG = 70, 100


def test_whatever_happens_no_law_is_broken_and_in_the_end_all_is_well(apiserver: Server) -> None:
    if MINUTES:
        Run(apiserver, SEED, LONG, say).go_on(MINUTES)
    else:
        one_round(Play(apiserver), SEED, SHORT)
