"""Updates under load."""

from tests.e2e.load import load
from tests.e2e.models import spec
from tests.e2e.place import Place


def test_no_request_fails_during_three_updates(place: Place) -> None:
    place.apply("model", spec("1"))
    place.until_serving("model", "1")
    with load(place.address("model"), rate=100) as callers:
        for version in ("2", "3", "4"):
            place.apply("model", spec(version))
            place.until_serving("model", version)
            callers.until_answered_by(version)
