"""Markup: elements of HTML and SVG, of which every text is escaped."""

from html import escape

VOID = frozenset({"meta", "br", "line", "path", "polygon", "polyline", "rect", "circle"})
"""Elements without content; those of SVG end with a slash."""


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def element(tag: str, *content: str, **attributes: str | float | None) -> Markup:
    """Return an element.

    Args:
        tag: name of the element.
        content: text, which is escaped, and markup, which is not.
        attributes: `class_` is `class`, and `_` within a name is `-`; None: left out. Of numbers
            one decimal place is told.
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_written(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if tag in VOID and not content:
        return Markup(f"<{tag}{told}>" if tag == "meta" else f"<{tag}{told}/>")
    return Markup(f"<{tag}{told}>{joined(*content)}</{tag}>")


def joined(*content: str, by: str = "") -> Markup:
    """Return text and markup, one after another."""
    return Markup(
        by.join(one if isinstance(one, Markup) else escape(one, quote=False) for one in content)
    )


def _written(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
