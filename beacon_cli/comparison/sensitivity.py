"""What a test could have found: the smallest effect that it finds in four of five cases."""

from __future__ import annotations

from beacon_cli.comparison.difference import Difference
from beacon_cli.comparison.exchange import Exchanged
from beacon_cli.comparison.student import skewed_quantile
from beacon_cli.design.shapes import together_share

_POWER = 0.8416  # the normal quantile of 80 %


def detectable(found: Difference, level: float) -> float | None:
    """Return the smallest effect that is found in 80 % of the cases, if the p-value must be at most `level`.

    None if answers so few cannot give such a p-value, or hardly can where one group stands out from others that agree.
    """
    if found.test is None:
        return None
    exchanges = found.test.exchanges
    effects = [_detectable(each, found.slope, level / len(exchanges)) for each in exchanges]
    return min((effect for effect in effects if effect is not None), default=None)


def _detectable(exchanged: Exchanged, slope: float, level: float) -> float | None:
    """Return the effect beyond which exchanges are that rare, plus what the noise may take away from it."""
    if max(exchanged.least, together_share(exchanged.shape) / 2) > level:
        return None
    critical = -skewed_quantile(level, exchanged.moments.skewness)
    return slope * exchanged.moments.deviation * (critical + _POWER)
