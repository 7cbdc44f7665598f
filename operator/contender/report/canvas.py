"""What all drawings have in common. Colours are those of the page that they stand in."""

from contender.report.markup import Markup, element

WIDTH = 720
CHARACTER = 6.6
"""Width of a character, about."""


def svg(height: float, title: str, about: str, *parts: Markup) -> Markup:
    """Return a drawing, named for those who do not see it."""
    return element(
        "svg",
        element("title", title),
        element("desc", about),
        *parts,
        viewBox=f"0 0 {WIDTH} {height:g}",
        role="img",
        aria_label=f"{title}. {about}",
    )


def text(x: float, y: float, words: str, kind: str = "", anchor: str | None = None) -> Markup:
    """Return words at a place."""
    return element("text", words, x=x, y=y, class_=kind or None, text_anchor=anchor)


def level(y: float, start: float, end: float, kind: str) -> Markup:
    """Return a line from left to right."""
    return element("line", class_=kind, x1=start, y1=y, x2=end, y2=y)


def upright(x: float, top: float, bottom: float, kind: str) -> Markup:
    """Return a line from top to bottom."""
    return element("line", class_=kind, x1=x, y1=top, x2=x, y2=bottom)
