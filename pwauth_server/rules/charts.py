"""Small charts as the geometry of SVG paths: whole numbers on a grid that the page stretches to its width."""

from collections.abc import Sequence

#: Units of the grid: how far apart bars are, how wide each is, how high the highest may be.
STEP, BAR, HEIGHT = 4, 3, 40


def width(places: int) -> int:
    """Return the units that so many bars take."""
    return places * STEP


def bars(values: Sequence[float], *, places: int, top: float, below: Sequence[float] | None = None) -> str:
    """Return the path of bars, the last one at the right edge; ``top`` is the value of the full height.

    With ``below`` each stands on another bar of that value. What is not nothing is at least one unit high.
    """
    first = places - len(values)
    ground = [_units(value, top) for value in below] if below is not None else [0] * len(values)
    parts = [
        f"M{(first + place) * STEP} {HEIGHT - base}h{BAR}v-{units}h-{BAR}z"
        for place, (value, base) in enumerate(zip(values, ground, strict=True))
        if (units := min(_units(value, top), HEIGHT - base))
    ]
    return "".join(parts)


def _units(value: float, top: float) -> int:
    return max(1, round(HEIGHT * value / top)) if value > 0 and top > 0 else 0
