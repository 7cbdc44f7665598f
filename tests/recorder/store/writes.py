"""A process that writes batches until it is killed, and says of each that it is written."""

import sys
from itertools import count

from contender.recorder.model import Batch
from contender.recorder.store.base import Store
from contender.recorder.store.opening import open_store
from tests.recorder.store.made import answer, by_key, feedback, stratum

ANSWERS = 200
"""In a batch."""


def write(store: Store, number: int) -> None:
    """Write the batch with this number."""
    endpoint = store.endpoint("uid", "default", "churn", 3600, 10**9)
    served = store.stratum(stratum(endpoint))
    names = [(number, one) for one in range(ANSWERS)]
    body = bytes(1000)
    store.write(
        Batch(
            answers=[answer(endpoint, name, served, number, body=body) for name in names],
            handles=[by_key(endpoint, name, name, number) for name in names],
            feedback=[feedback(endpoint, name, received=number) for name in names],
            counters={(endpoint, "batches"): number + 1},
        )
    )


def main() -> None:
    """Command line: the location of the store, and the number of the first batch."""
    store = open_store(sys.argv[1])
    for number in count(int(sys.argv[2])):
        write(store, number)
        print(number, flush=True)


if __name__ == "__main__":
    main()
