"""Where reports go: to standard output, or to a file that is there as a whole."""

from pathlib import Path

from contender.cli.output import STDOUT, sink, whole


def tell(text: str) -> None:
    """Write text to standard output.

    Raises:
        Failure: nobody reads it any more.
    """
    with sink(STDOUT, "jsonl") as write:
        write(text.encode())


def save(file: Path, raw: bytes) -> None:
    """Write a file, as a whole or not at all.

    Raises:
        Failure: it cannot be written.
    """
    with whole(file) as part:
        part.write_bytes(raw)
