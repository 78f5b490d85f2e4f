"""Draws our figures against Ray's, and prints them as a table: plot.py OURS.json RAY.json OUT.svg [OUT.png]."""

import json
import sys
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt

# In the middle between light and dark, to be read on either.
TEXT = "#7d8590"
AHEAD = "#3d8fd1"
BEHIND = "#d9822b"

# Text stays text and nothing is random, so that the same figures give the same small file.
matplotlib.rcParams.update({
    "svg.fonttype": "none", "svg.hashsalt": "against-ray", "font.size": 10, "font.family": "sans-serif",
    "text.color": TEXT, "axes.edgecolor": TEXT, "axes.labelcolor": TEXT, "xtick.color": TEXT, "ytick.color": TEXT,
})


class Pair:
    """One workload on both sides."""

    def __init__(self, ours, ray):
        assert (ours["unit"], ours["better"]) == (ray["unit"], ray["better"]), ours["id"]
        self.id, self.unit = ours["id"], ours["unit"]
        self.values = ours["value"], ray["value"]
        self.higher = ours["better"] == "higher"
        # Nobody waited for Ray's end.
        self.open = ray.get("at_least", False)
        self.notes = [f"{who}: {row['note']}" for who, row in (("ours", ours), ("Ray", ray)) if "note" in row]

    def factor(self):
        """How many times better ours is; at least, where Ray's end is open."""
        ours, ray = self.values
        return ours / ray if self.higher else ray / ours

    def words(self):
        """The factor and both figures."""
        more = "> " if self.open else ""
        ours, ray = (amount(value, self.unit) for value in self.values)
        return more + times(self.factor()), ours, more + ray


def amount(value, unit):
    """A figure with its unit, in three digits and a unit that suits them."""
    # By hand, as there are no kilotasks.
    for small, large in (("µs", "ms"), ("ms", "s")):
        if unit == small and value >= 1000:
            value, unit = value / 1000, large
    for large, small in (("s", "ms"), ("ms", "µs")):
        if unit == large and value < 0.995:
            value, unit = value * 1000, small
    return f"{digits(value)} {unit}"


def digits(value):
    """A number in three significant digits."""
    if value >= 1000:
        rounded = float(f"{value:.3g}")
        return f"{rounded:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def times(factor):
    """A factor in two significant digits, as a fraction where it is small."""
    if factor < 0.15:
        return f"1/{times(1 / factor)}"
    rounded = float(f"{factor:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"


def pairs(ours, ray):
    """The workloads that both sides have, the best for us first."""
    theirs = {row["id"]: row for row in ray["rows"]}
    only = {row["id"] for row in ours["rows"]} ^ theirs.keys()
    if only:
        raise SystemExit(f"only one side has: {', '.join(sorted(only))}")
    both = [Pair(row, theirs[row["id"]]) for row in ours["rows"]]
    return sorted(both, key=lambda pair: (-pair.factor(), pair.id))


def title(ours, ray):
    return (f"rustyray-host {ours['rustyray-host']} against Ray {ray['ray']} on Python {ray['python']}: "
            f"{ray['cores']} cores, {ray['date']}")


def draw(both, heading, paths):
    """Bars from 1, where both are the same: to the right where we are ahead, to the left where Ray is."""
    least, most = min(1, both[-1].factor()), both[0].factor()
    figure, axes = plt.subplots(figsize=(10, 0.34 * len(both) + 1.2), layout="constrained")
    figure.patch.set_alpha(0)
    axes.patch.set_alpha(0)
    axes.set_xscale("log")
    # Room on both sides for the figures.
    axes.set_xlim(least / 3, most * 3000)
    for place, pair in enumerate(reversed(both)):
        bar(axes, place, pair)
    axes.axvline(1, color=TEXT, linewidth=1)
    axes.set_yticks(range(len(both)), [pair.id for pair in reversed(both)])
    axes.set_ylim(-0.6, len(both) - 0.4)
    ticks(axes, least, most)
    figure.suptitle(heading, fontsize=11)
    axes.set_xlabel("how many times better than Ray, logarithmic; to the left of 1 Ray is better")
    for path in paths:
        figure.savefig(path, metadata={"Date": None} if path.endswith(".svg") else None,
                       dpi=100, facecolor="none" if path.endswith(".svg") else "white")


def bar(axes, place, pair):
    """One bar, with its figures beside it."""
    factor, (better, ours, ray) = pair.factor(), pair.words()
    ahead = factor >= 1
    axes.barh(place, factor - 1, left=1, height=0.62, color=AHEAD if ahead else BEHIND)
    axes.text(max(factor, 1) * 1.3, place, f"{better} times   {ours}, Ray {ray}", va="center", fontsize=9)


def ticks(axes, least, most):
    """Powers of ten as far as the bars go: beyond them is only text."""
    places = [10.0**power for power in range(-9, 10) if least / 3 < 10.0**power < most * 3]
    axes.set_xticks(places, [times(place) for place in places])
    axes.minorticks_off()
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)


def table(both):
    """The same as Markdown."""
    print("| workload | rustyray-host | Ray | times better | |")
    print("| --- | ---: | ---: | ---: | --- |")
    for pair in both:
        better, ours, ray = pair.words()
        print(f"| `{pair.id}` | {ours} | {ray} | {better} | {'; '.join(pair.notes)} |")


def main(ours_path, ray_path, *paths):
    ours, ray = (json.loads(Path(path).read_text()) for path in (ours_path, ray_path))
    both = pairs(ours, ray)
    draw(both, title(ours, ray), paths)
    table(both)


if __name__ == "__main__":
    main(*sys.argv[1:])
