"""Agreement: how often two arms answer the same.

It is shown and decides nothing: of two arms that disagree, either may be right.
"""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist


def wilson(successes: int, n: int, alpha: float = 0.05) -> tuple[float, float]:
    """Return the confidence interval of a share.

    It holds for one look at rows that are independent. Looked at all the time, or with many rows of
    one request, the share is outside of it more often than alpha says.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22,
    1927. Unlike the share plus or minus its standard error it stays within 0 and 1, and is not
    empty when all agree.

    Args:
        successes: rows in which it is so, from 0 to n.
        n: rows; without any the interval is everything, 0 to 1.
        alpha: how often the interval may miss the share, between 0 and 1.

    Returns:
        Its lower and its upper end.

    Raises:
        ValueError: out of bounds.
    """
    if not (0 <= successes <= n and 0 < alpha < 1):
        raise ValueError(f"no counts, or no alpha: {successes} of {n}, alpha {alpha}")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(1 - alpha / 2)
    share = successes / n
    weight = 1 + z * z / n
    middle = (share + z * z / (2 * n)) / weight
    half = z / weight * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # Exact at both ends, where the difference of rounded numbers is not.
    low = 0.0 if successes == 0 else middle - half
    high = 1.0 if successes == n else middle + half
    return low, high


def kappa(table: Sequence[Sequence[int]]) -> float | None:
    """Return Cohen's kappa: how far two arms agree beyond what chance would make them.

    kappa = (p - e) / (1 - e), with p the share of rows in which they agree, and e the share in
    which they would if each gave its answers to random rows. How often they agree is not enough
    for it: arms that both say "no" to 95 percent of the rows agree on 90 percent by chance alone.

    Source: Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological
    Measurement 20, 1960.

    Args:
        table: rows in which the one arm answered the i-th class and the other one the j-th; square.

    Returns:
        1 for arms that always agree, 0 for chance, below 0 for less; None where chance already
        makes them agree always, or there are no rows.

    Raises:
        ValueError: not a square of counts.
    """
    classes = len(table)
    if any(len(row) != classes or min(row) < 0 for row in table):
        raise ValueError(f"no square table of counts: {table}")
    total = sum(map(sum, table))
    agreed = sum(table[i][i] for i in range(classes))
    # Whole numbers, total^2 times the shares, so that "always" is exact.
    by_chance = sum(
        sum(row) * sum(column) for row, column in zip(table, zip(*table, strict=True), strict=True)
    )
    if by_chance == total * total:
        return None
    return (agreed * total - by_chance) / (total * total - by_chance)
