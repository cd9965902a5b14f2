"""The figures as a picture: one panel for each model, one group of bars for each contestant."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from sentiscore.errors import import_extra
from tests.benches.contestants import ENTRIES, REFERENCE
from tests.benches.figures import Line, Result

_OURS: Final = ("#0b5d57", "#1f9a8f", "#8fd3cb")
_PEERS: Final = ("#4a5361", "#8a94a3", "#c6ccd5")
_INK: Final = "#1c2430"
_PALE: Final = "#5b6675"
_LABEL: Final[dict[str, Any]] = {"va": "center", "fontsize": 7.5, "color": _PALE}
_BAR: Final = 1.0
_GAP: Final = 0.7
_INCHES: Final = 0.145
"""Height of a bar."""


def draw(results: Sequence[Result], path: Path, about: str) -> None:
    """Draw rows in a second.

    Args:
        results: The figures.
        path: Where to; the ending says which format.
        about: A line under the picture: where and when this was measured.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    import_extra("matplotlib", "bench")
    import matplotlib as mpl
    from matplotlib.figure import Figure

    models = list(dict.fromkeys(result.model for result in results))
    groups = max(len(result.lines) for result in results)
    bars = groups * (len(results) / len(models) * _BAR + _GAP)
    with mpl.rc_context({"font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "sentiscore"}):
        figure = Figure(figsize=(9, len(models) * (bars * _INCHES + 0.7) + 0.3), layout="constrained")
        for model, axes in zip(models, figure.subplots(len(models), 1, squeeze=False)[:, 0], strict=True):
            _panel(axes, model, [result for result in results if result.model == model])
        what = f"rows in a second, and as a multiple of {ENTRIES[REFERENCE].title}"
        figure.supxlabel(f"{what}\n{about}", fontsize=8, color=_PALE)
        figure.savefig(path, dpi=160, facecolor="white")


def _panel(axes: Any, model: str, results: Sequence[Result]) -> None:
    from matplotlib.patches import Patch

    widest = max((line.rows_s or 0 for result in results for line in result.lines), default=0) or 1
    lines = results[0].lines
    step = len(results) * _BAR + _GAP
    for row, group in enumerate(zip(*(result.lines for result in results), strict=True)):
        if all(line.rows_s is None for line in group):
            axes.text(widest * 0.008, row * step, "left out", style="italic", **_LABEL)
            continue
        for i, line in enumerate(group):
            _bar(axes, line, row * step + (i - (len(group) - 1) / 2) * _BAR, i, widest)
    axes.set_yticks([row * step for row in range(len(lines))], [line.entry.title for line in lines])
    axes.set_ylim((len(lines) - 0.5) * step, -0.5 * step)
    axes.set_xlim(0, widest * 1.2)
    axes.set_title(model, loc="left", color=_INK, fontsize=10.5, fontweight="bold", pad=10)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(axis="x", color="#e6e9ee", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=_PALE)
    for label, line in zip(axes.get_yticklabels(), lines, strict=True):
        label.set_fontweight("bold" if line.entry.ours else "normal")
        label.set_color(_OURS[0] if line.entry.ours else _INK)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.spines["left"].set_color("#c6ccd5")
    legend = [Patch(color=_PEERS[i % len(_PEERS)], label=result.texts) for i, result in enumerate(results)]
    axes.legend(
        handles=legend,
        loc="lower right",
        bbox_to_anchor=(1, 0.995),
        ncols=len(legend),
        frameon=False,
        fontsize=8,
        labelcolor=_INK,
        handlelength=1.2,
        columnspacing=1.2,
    )


def _bar(axes: Any, line: Line, place: float, shade: int, widest: float) -> None:
    if line.rows_s is None:
        axes.text(widest * 0.008, place, "left out", style="italic", **_LABEL)
        return
    colours = _OURS if line.entry.ours else _PEERS
    axes.barh(place, line.rows_s, height=_BAR * 0.9, color=colours[shade % len(colours)])
    times = "" if line.ratio is None else f"   {line.ratio:.1f}x"
    axes.text(line.rows_s + widest * 0.008, place, f"{line.rows_s:,.0f}{times}", **_LABEL | {"color": _INK})
