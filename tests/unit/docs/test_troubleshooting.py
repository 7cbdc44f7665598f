"""The pages keep their promises: reasons are explained, links lead somewhere, YAML is valid."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from contender.api.v1alpha1 import ModelDeploymentSpec

ROOT = Path(__file__).parents[3]
CODE = ROOT / "operator" / "contender"
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]

PLACE_OF_REASON = {"Judgement": 2, "Trouble": 1, "Problem": 0, "ApiError": 3, "__init__": 3}
"""Which argument of a call is a reason; `__init__` is that of a subclass of ApiError."""
REASON = re.compile(r"[A-Z][A-Za-z]+")


def reasons() -> set[str]:
    """Return the constants that can become the reason of a condition."""
    found: set[str] = set()
    for path in CODE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            found.update(_of_node(node))
    return {text for text in found if REASON.fullmatch(text)}


def _of_node(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            place = PLACE_OF_REASON.get(name)
            if place is not None and len(node.args) > place:
                yield from _constants(node.args[place])
            yield from (
                text
                for keyword in node.keywords
                if keyword.arg == "reason"
                for text in _constants(keyword.value)
            )
        case ast.FunctionDef(name=name) if name.endswith("_reason"):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value:
                    yield from _constants(inner.value)
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == "reason":
            if not isinstance(value, ast.Call):
                yield from _constants(value)
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name.endswith("_REASONS"):
            yield from (
                inner.value
                for inner in ast.walk(value)
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
            )


def _constants(node: ast.expr) -> Iterator[str]:
    """Iterate over the texts that an expression can be, defaults of `.get(key, default)` too."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=otherwise):
            yield from _constants(body)
            yield from _constants(otherwise)
        case ast.BoolOp(values=values):
            for value in values:
                yield from _constants(value)
        case ast.Call(func=ast.Attribute(attr="get"), args=[_, default]):
            yield from _constants(default)


def headings(page: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    return re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_reasons_are_found_in_the_code() -> None:
    """Guards the search itself: one of each way in which the code names a reason."""
    known = {
        "NothingServesYet",  # an argument of Judgement
        "RolledBack",  # assigned to `reason`
        "TooFewPods",  # returned by a function of reasons
        "ServiceAccountNotAllowed",  # an argument of Problem
        "NameConflict",  # a subclass of ApiError
        "ApplyFailed",  # what stands in for a missing word
        "ProbeFailing",  # an argument of Trouble
        "Unschedulable",  # a default
        "CreateContainerConfigError",  # a set of reasons
    }
    assert known <= reasons()


def test_every_reason_has_a_heading() -> None:
    explained = {
        name
        for heading in headings(ROOT / "docs" / "troubleshooting.md")
        for name in re.findall(r"`([A-Za-z]+)`", heading)
    }
    assert reasons() <= explained


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists() or (anchor and anchor not in map(slug, headings(target))):
            broken.append(link)
    assert broken == []


def manifests(page: Path) -> Iterator[dict[str, Any]]:
    for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        for document in yaml.safe_load_all(block):
            if isinstance(document, dict) and document.get("kind") == "ModelDeployment":
                yield document


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_model_deployments_in_the_pages_are_valid(page: Path) -> None:
    for manifest in manifests(page):
        assert manifest["apiVersion"] == "contender.dev/v1alpha1"
        ModelDeploymentSpec.model_validate(manifest["spec"], extra="forbid")


def test_the_first_page_shows_a_model_deployment() -> None:
    assert list(manifests(ROOT / "README.md"))
