"""Turns validation errors into one sentence for people."""

from pydantic import ValidationError


def explain(error: ValidationError) -> str:
    """Return where and what is wrong, for status and log: `image: Field required; ...`."""
    parts: list[str] = []
    for problem in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in problem["loc"])
        parts.append(f"{where}: {problem['msg']}" if where else problem["msg"])
    return "; ".join(parts)[:1024]
