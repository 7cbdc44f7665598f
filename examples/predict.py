"""Send real, held-out rows with known labels to an endpoint and show what it answers.

    python3 examples/predict.py http://breast-cancer.contender-demo.svc

Needs the standard library only. Ends with 1 when the endpoint does not answer as it should.
"""

import argparse
import csv
import http.client
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

_HELD_OUT = Path(__file__).parent / "breast-cancer" / "held-out.csv"
_CONTENT_TYPE = {"Content-Type": "application/json"}


class Row(NamedTuple):
    measurements: list[float]
    label: int


class Answer(NamedTuple):
    label: int
    p: float
    version: str


class NoAnswerError(Exception):
    """The endpoint gave no usable answer."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "url", type=endpoint, help="the endpoint, for example http://127.0.0.1:8080"
    )
    parser.add_argument("--rows", type=positive, default=20, help="how many rows to send (20)")
    parser.add_argument("--host", help="Host header, where the URL is not the endpoint's own")
    parser.add_argument("--timeout", type=float, default=10, help="seconds per request (10)")
    arguments = parser.parse_args()

    rows = read_rows(_HELD_OUT)[: arguments.rows]
    try:
        answers = ask(arguments.url, rows, arguments.host, arguments.timeout)
    except NoAnswerError as error:
        print(f"{arguments.url.geturl()}: {error}", file=sys.stderr)
        return 1
    print_table(rows, answers)
    return 0


def endpoint(text: str) -> SplitResult:
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise argparse.ArgumentTypeError(f"{text!r} is not like http://127.0.0.1:8080")
    return url


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def read_rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))[1:]
    return [Row([float(text) for text in line[:-1]], int(line[-1])) for line in lines]


def ask(url: SplitResult, rows: list[Row], host: str | None, timeout: float) -> list[Answer]:
    """One request per row, as callers in production would; one connection for all of them."""
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=timeout)
    headers = _CONTENT_TYPE | ({"Host": host} if host else {})
    path = url.path.removesuffix("/").removesuffix("/predict") + "/predict"
    try:
        return [ask_one(connection, path, row, headers) for row in rows]
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswerError(f"no answer: {error or type(error).__name__}") from error
    finally:
        connection.close()


def ask_one(
    connection: http.client.HTTPConnection, path: str, row: Row, headers: dict[str, str]
) -> Answer:
    connection.request("POST", path, json.dumps({"instances": [row.measurements]}), headers)
    response = connection.getresponse()
    content = response.read()
    if response.status != http.HTTPStatus.OK:
        said = content[:300].decode(errors="replace")
        raise NoAnswerError(f"{response.status} {response.reason}: {said}")
    try:
        document: Any = json.loads(content)
        prediction = document["predictions"][0]
        return Answer(int(prediction["label"]), float(prediction["p"]), str(document["version"]))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise NoAnswerError(f"not an answer of this example: {content[:300]!r}") from error


def print_table(rows: list[Row], answers: list[Answer]) -> None:
    print(f"{'row':>4}  {'true':>4}  {'predicted':>9}  {'p':>6}  version")
    right = 0
    for number, (row, answer) in enumerate(zip(rows, answers, strict=True), start=1):
        agrees = row.label == answer.label
        right += agrees
        mark = "" if agrees else "  <- wrong"
        label, p, version = answer
        print(f"{number:>4}  {row.label:>4}  {label:>9}  {p:>6.3f}  {version}{mark}")
    share = right / len(rows)
    print(f"\naccuracy {share:.3f}: {right} of {len(rows)} rows (1 = benign, 0 = malignant)")


if __name__ == "__main__":
    sys.exit(main())
