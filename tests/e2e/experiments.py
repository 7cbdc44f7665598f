"""Experiments as the tests apply them, and what they look for in their status."""

from collections.abc import Callable
from typing import Any

from tests.e2e.kube import Json
from tests.e2e.models import IMAGE
from tests.e2e.place import Place

ERRORS = {"name": "errors", "metric": "ErrorRate", "maxRatio": 1.5}
SHORT = {"atLeast": "10s"}


def candidate(name: str, version: str) -> Json:
    """Return version 2 of the example model as a candidate; it tells this version."""
    env = [
        {"name": "DRAIN_QUIET_SECONDS", "value": "2"},
        {"name": "MODEL_VERSION", "value": version},
    ]
    return {"name": name, "model": {"version": version, "image": f"{IMAGE}:2", "env": env}}


def shadow(name: str = "look", until: Json | None = None, **said: Any) -> Json:
    """Return a shadow step."""
    return {"name": name, "shadow": said, "until": until or SHORT}


def split(name: str, weights: dict[str, int], until: Json | None = None, **said: Any) -> Json:
    """Return a split step."""
    return {"name": name, "split": {"weights": weights, **said}, "until": until or SHORT}


class Experiment:
    """One Experiment in the namespace of a test."""

    def __init__(self, place: Place, name: str, **spec: Any) -> None:
        self.place, self.name = place, name
        place.create("Experiment", name, spec={"target": "model", **spec})

    @property
    def status(self) -> Json:
        """Its status."""
        status: Json = self.place.the("Experiment", self.name).get("status") or {}
        return status

    def arm(self, name: str) -> Json:
        """Return what status says of an arm."""
        arms = self.status.get("arms") or []
        return next((one for one in arms if one["name"] == name), {})

    def order(self, **commands: str) -> None:
        """Give commands."""
        named = {f"contender.dev/{key}": value for key, value in commands.items()}
        self.place.patch("Experiment", self.name, {"metadata": {"annotations": named}})

    def delete(self) -> None:
        """Delete it."""
        self.place.delete("Experiment", self.name)

    def until(self, holds: Callable[[Json], object], what: str) -> Json:
        """Wait until this holds of its status."""

        def look() -> Json | None:
            status = self.status
            return status if status and holds(status) else None

        return self.place.until(look, f"{self.name}: {what}")

    def until_phase(self, phase: str) -> Json:
        """Wait until it is in a phase."""
        return self.until(lambda status: status.get("phase") == phase, phase)

    def until_step(self, name: str) -> Json:
        """Wait until all routers do what a step wants."""

        def begun(status: Json) -> bool:
            step = status.get("step") or {}
            return step.get("name") == name and "startedAt" in step

        return self.until(begun, f"step {name} has begun")

    def until_counted(self, arm: str, requests: int) -> Json:
        """Wait until so many requests of an arm are counted."""

        def counted(status: Json) -> bool:
            arms = {one["name"]: one for one in status.get("arms") or []}
            return arm in arms and arms[arm]["requests"] >= requests

        return self.until(counted, f"{requests} requests of {arm}")


def until_bare(place: Place, name: str = "model") -> None:
    """Wait until neither routers nor pods of candidates are left."""

    def bare() -> bool:
        kept = {one["metadata"]["name"] for one in place.all("Deployment")}
        serving = (place.status(name).get("serving") or {}).get("revision")
        return kept == {serving} and place.get("ConfigMap", f"{name}-router") is None

    place.until(bare, "nothing is left of the experiment")
