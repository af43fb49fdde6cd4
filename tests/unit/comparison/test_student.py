from __future__ import annotations

import pytest
import scipy

from beacon_cli.comparison.student import skewed_quantile, t_quantile


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 19, 20, 99])
@pytest.mark.parametrize("share", [0.025, 0.5, 0.95, 0.975, 0.999])
def test_quantiles_of_t_are_those_of_scipy(freedom: int, share: float) -> None:
    assert t_quantile(share, freedom) == pytest.approx(scipy.stats.t.ppf(share, freedom), abs=1e-8)


@pytest.mark.parametrize("skewness", [-1, -0.3, 0, 0.00001, 0.3, 1])
@pytest.mark.parametrize("share", [0.00005, 0.003, 0.05, 0.5])
def test_skewed_quantiles_are_about_those_of_pearson(skewness: float, share: float) -> None:
    assert skewed_quantile(share, skewness) == pytest.approx(
        scipy.stats.pearson3.ppf(share, skewness), rel=0.04, abs=0.01
    )
