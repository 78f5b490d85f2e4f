"""Rounds of measurement, and the rows that come of them. Ours do the same: `host/cli/benches/workloads/rounds.rs`."""

import json
import statistics
import time
from pathlib import Path

# Rounds of each figure, of which the median counts: one that the machine disturbed does not.
ROUNDS = 5

# A round is no shorter, so that the clock and a single switch of threads do not show.
ROUND_SECONDS = 0.5


def seconds_each(units, run):
    """The median over the rounds of the seconds that a unit takes, of which one run does `units`. The run says how
    long it took, without what it had to prepare."""
    run()  # What happens only once: workers that start, first touches.
    return statistics.median(one_round(units, run) for _ in range(ROUNDS))


def one_round(units, run):
    """The seconds that a unit takes in one round."""
    start, spent, done = time.perf_counter(), 0, 0
    while time.perf_counter() - start < ROUND_SECONDS:
        spent += run()
        done += units
    return spent / done


def timed(units, run):
    """The same for a run that does not say how long it took."""

    def seconds():
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    return seconds_each(units, seconds)


def percentile(figures, percent):
    """The figure that this share of the others does not exceed."""
    return sorted(figures)[(len(figures) - 1) * percent // 100]


class Rows:
    """The rows of the result."""

    def __init__(self):
        self.rows = []

    def higher(self, name, value, unit, note=None):
        """A figure that is better when it is higher."""
        self._push(name, value, unit, "higher", note)

    def lower(self, name, value, unit, note=None, at_least=False):
        """A figure that is better when it is lower; `at_least` if nobody waited for the end."""
        self._push(name, value, unit, "lower", note, at_least)

    def _push(self, name, value, unit, better, note, at_least=False):
        print(f"{name:24} {'>' if at_least else ' '}{value:16.6f} {unit}", flush=True)
        row = {"id": name, "value": value, "unit": unit, "better": better}
        self.rows.append(row | ({"note": note} if note else {}) | ({"at_least": True} if at_least else {}))

    def write(self, path, about):
        """Writes them, after what there is to say about the run."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(json.dumps(about | {"rows": self.rows}, indent=2) + "\n")
