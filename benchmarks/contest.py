"""Two ways of doing the same, timed in turn in one run, so that a busy machine slows both."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version

ROUNDS = 25


def contest(ways: Mapping[str, Callable[[], object]]) -> tuple[float, int]:
    """Print median, quartiles and rate of two ways, and return the median of first against second, and the rounds.

    The rounds may be given on the command line.
    """
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            times[name].append(timed(way))
    for name, found in times.items():
        low, middle, high = statistics.quantiles(found, n=4)
        print(f"{name:8} median {middle:7.1f} ms, quartiles {low:.1f} to {high:.1f} ms, {1000 / middle:.1f} a second")
    return statistics.median(own / other for own, other in zip(*times.values(), strict=True)), rounds


def timed(work: Callable[[], object]) -> float:
    """Return how many milliseconds the work takes."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def circumstances(*packages: str) -> None:
    """Print the machine and the versions of what took part."""
    load = os.getloadavg()[0]
    print(
        f"machine  {platform.platform()}, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}"
    )
    print(f"packages {', '.join(f'{package} {version(package)}' for package in packages)}")
