"""Several ways of doing the same, timed in turn in one run by the processor, so that a busy machine disturbs none."""

from __future__ import annotations

import gc
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version

ROUNDS = 25
LEAST = 20.0

Way = Callable[[], float]


def contest(ways: Mapping[str, Callable[[], object]]) -> tuple[float, int]:
    """Print median, quartiles and rate of two ways, and return the median of first against second, and the rounds.

    The rounds may be given on the command line.
    """
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    times = raced({name: lambda way=way: timed(way) for name, way in ways.items()}, rounds)
    for name, found in times.items():
        low, middle, high = quartiles(found)
        print(f"{name:8} median {middle:7.1f} ms, quartiles {low:.1f} to {high:.1f} ms, {1000 / middle:.1f} a second")
    own, other = times.values()
    return ratio(own, other), rounds


def raced(ways: Mapping[str, Way], rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of every way in each round; in a round each has its turn."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    gc.collect()
    gc.freeze()  # what the ways do is theirs to pay for, not what happens to lie about
    for _ in range(rounds):
        for name, way in ways.items():
            times[name].append(way())
    return times


def ratio(times: list[float], others: list[float]) -> float:
    """Return how many times as long as the others the times are, the median of all rounds."""
    return statistics.median(own / other for own, other in zip(times, others, strict=True))


def quartiles(times: list[float]) -> tuple[float, float, float]:
    """Return first quartile, median and third quartile; of one time all three are that."""
    low, middle, high = statistics.quantiles(times, n=4) if len(times) > 1 else times * 3
    return low, middle, high


def timed(work: Callable[[], object]) -> float:
    """Return how many milliseconds of the processor the work takes."""
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000


def paced(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Return how many milliseconds the work takes on average, those of the processor; short work is done many times."""
    start, number, spent = clock(), 0, 0.0
    while spent < LEAST:
        work()
        number, spent = number + 1, (clock() - start) * 1000
    return spent / number


def machine() -> str:
    """Return what the machine is and how busy it was."""
    system, load = f"{platform.system()} {platform.machine()}", os.getloadavg()[0]
    return f"{system}, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}"


def circumstances(*packages: str) -> None:
    """Print the machine and the versions of what took part."""
    print(f"machine  {machine()}")
    print(f"packages {', '.join(f'{package} {version(package)}' for package in packages)}")
