"""The Beta distribution, in logarithms: evidence soon leaves the range of floats."""

from math import exp, expm1, inf, lgamma, log, log1p

_PRECISION = 1e-15
_LARGEST_STEPS = 10_000
_TINY = 1e-300


def log_beta(a: float, b: float) -> float:
    """Return ln B(a, b), for a, b > 0."""
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def log_survival(x: float, a: float, b: float) -> float:
    """Return ln P(X > x) for X of a Beta(a, b) distribution.

    Args:
        x: from 0 to 1.
        a: positive; up to some millions.
        b: positive; up to some millions.

    Raises:
        ValueError: out of bounds.
    """
    if not (0 <= x <= 1 and a > 0 and b > 0):
        raise ValueError(f"no Beta distribution, or not in its range: x={x}, a={a}, b={b}")
    if x == 0:
        return 0.0
    if x == 1:
        return -inf
    # The fraction converges fast on the side of the mean that has less probability.
    if x > (a + 1) / (a + b + 2):
        return _log_tail(1 - x, x, b, a)
    return _log_one_minus_exp(_log_tail(x, 1 - x, a, b))


def _log_tail(x: float, rest: float, a: float, b: float) -> float:
    """Return ln I_x(a, b), the regularized incomplete beta function; `rest` is 1 - x.

    Source: its continued fraction (DLMF 8.17.22), evaluated by the modified Lentz method.
    """
    front = a * log(x) + b * log(rest) - log_beta(a, b) - log(a)
    return front - log(_fraction(x, a, b))


def _fraction(x: float, a: float, b: float) -> float:
    """Return 1 + d1/(1 + d2/(1 + ...))."""
    value = c = 1.0
    d = 0.0
    for step in range(1, _LARGEST_STEPS):
        coefficient = _coefficient(step, x, a, b)
        d = 1 / _not_zero(1 + coefficient * d)
        c = _not_zero(1 + coefficient / c)
        value *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return value


def _coefficient(step: int, x: float, a: float, b: float) -> float:
    m = step // 2
    if step % 2 == 0:
        return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
    return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _log_one_minus_exp(value: float) -> float:
    """Return ln(1 - e^value) for value <= 0, without loss near both ends."""
    if value >= 0:
        return -inf
    return log(-expm1(value)) if value > -0.69 else log1p(-exp(value))
