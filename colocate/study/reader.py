"""Statistics of windows, each computed once and remembered, because several cells share a window."""

from __future__ import annotations

from collections.abc import Mapping

from colocate.model.limits import MEAN, PERCENTILES
from colocate.model.trial import FloatArray, TrialRecord
from colocate.study.stats import known_quantiles, sample_quantile
from colocate.study.windows import Energies, energies_j

MEDIAN = PERCENTILES["p50"]
_TAILS = {name: quantile for name, quantile in PERCENTILES.items() if quantile != MEDIAN}


class Reader:
    """Computes statistics and energies of windows. A p95 or p99 is given only if it is known with `confidence`."""

    def __init__(self, confidence: float) -> None:
        self.confidence = confidence
        # Each entry also holds the object that it is of, so that no other object can get the same id.
        self._read: dict[int, tuple[FloatArray, Mapping[str, float]]] = {}
        self._metered: dict[int, tuple[TrialRecord, Energies]] = {}

    def statistics(self, latencies: FloatArray) -> Mapping[str, float]:
        """Return p50, p95, p99 and mean of the `latencies` (n,) of a window by name, in their unit; empty without
        latencies.

        A p95 or p99 from too few latencies is left out. The p50 of few is noisy but not biased.
        """
        if id(latencies) not in self._read:
            self._read[id(latencies)] = latencies, self._statistics(latencies)
        return self._read[id(latencies)][1]

    def energies_j(self, record: TrialRecord) -> Energies:
        """Return `windows.energies_j` of the record, computed once."""
        if id(record) not in self._metered:
            self._metered[id(record)] = record, energies_j(record)
        return self._metered[id(record)][1]

    def _statistics(self, latencies: FloatArray) -> Mapping[str, float]:
        if not len(latencies):
            return {}
        tails = zip(_TAILS, known_quantiles(latencies, [*_TAILS.values()], self.confidence), strict=True)
        return {
            "p50": sample_quantile(latencies, MEDIAN),
            **{name: value for name, value in tails if value is not None},
            MEAN: float(latencies.mean()),
        }
