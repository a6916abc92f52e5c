"""The `brinkmap` command in a process of its own, with parts of few rows and, if the environment says so, a mad clock.

`FAULTS_CLOCK` seeds the clock: the time of day jumps by up to a day either way each time it is read, and the clocks
that only go forwards leap ahead by up to a minute now and then, as they do when a machine was suspended.
"""

import os
import random
import signal
import sys
import time


def go_mad(seed: str) -> None:
    rng, day, ahead = random.Random(seed), time.time, [0.0]

    def leaping(clock):
        def read():
            if rng.random() < 0.01:
                ahead[0] += rng.uniform(0, 60)
            return clock() + ahead[0]

        return read

    time.time = lambda: day() + rng.uniform(-86400, 86400)
    time.monotonic, time.perf_counter = leaping(time.monotonic), leaping(time.perf_counter)


if __name__ == "__main__":
    if os.environ.get("FAULTS_CLOCK"):
        go_mad(os.environ["FAULTS_CLOCK"])  # before the first module of ours takes a clock

    import brinkmap.store
    from brinkmap.cli import main

    brinkmap.store.PART_ROWS = int(os.environ["FAULTS_PART_ROWS"])
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits that it is ignored
    sys.exit(main(sys.argv[1:]))
