"""What a ModelDeployment says of itself."""

from dev.demo.names import Json


def state(model: Json) -> str:
    """Return in one line how things stand."""
    status = model.get("status") or {}
    if status.get("observedGeneration") != model["metadata"]["generation"]:
        return "the operator has not seen the change yet"
    progress = next(one for one in status["conditions"] if one["type"] == "Progressing")
    told, waits = status["message"], progress["message"]
    more = f" ({waits})" if progress["status"] == "True" and waits not in told else ""
    return f"{status['phase']}: {told}{more}"


def serves(model: Json, version: str) -> bool:
    """Return whether this version answers callers."""
    status = model.get("status") or {}
    return (status.get("serving") or {}).get("version") == version


def is_ready(model: Json) -> bool:
    """Return whether everything that spec wants is there."""
    status = model.get("status") or {}
    conditions = {one["type"]: one["status"] for one in status.get("conditions") or []}
    current = status.get("observedGeneration") == model["metadata"]["generation"]
    return current and conditions.get("Ready") == "True"
