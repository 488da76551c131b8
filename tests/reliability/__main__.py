"""Attacks on a session, and whether it holds: the figures of docs/src/reliability.md.

    python3 tests/reliability BINARY kill [--times 200]         kill -9 at random moments, then resume
    python3 tests/reliability BINARY checkpoints [--times 200]  kill -9 while a checkpoint is being written, then resume
    python3 tests/reliability BINARY signals [--times 320]      one SIGTERM or SIGINT at a random moment, then resume
    python3 tests/reliability BINARY timeout [--times 160]      coreutils `timeout`, which signals process and group
    python3 tests/reliability BINARY flips [--times 2000]       single flipped bits of a finished session
    python3 tests/reliability BINARY full [--times 50]          the disk is full for .05 to 5 s, or for good (root, Linux)
    python3 tests/reliability BINARY closing [--times 40]       the terminal is closed, in six ways (one needs tmux)
    python3 tests/reliability BINARY slow [--times 3]           a terminal that is read slowly or not at all
    python3 tests/reliability BINARY terminate [--times 2]      SIGTERM during every embedded preset
    python3 tests/reliability BINARY memory [--times 20]        one run of four gets no more memory (Linux)
    python3 tests/reliability BINARY soak [--times 60]          memory and open files of four runs, for so many minutes

Each prints what was counted; exit status 1 if anything did not hold. The session is mnist-mlp, cut to some seconds; what a
resumed session has in its logs and weights is compared with one that was not cut off, times aside.
"""

import argparse
import pathlib
import random
import sys
import tempfile

import files
import kills
import limits
import terminals

# Each with its usual length.
ATTACKS = {
    "kill": (kills.killed, 200),
    "checkpoints": (kills.checkpoints, 200),
    "signals": (kills.signals, 320),
    "timeout": (kills.timeout, 160),
    "flips": (files.flips, 2000),
    "full": (files.full, 50),
    "closing": (terminals.closing, 40),
    "slow": (terminals.slow, 3),
    "terminate": (limits.terminate, 2),
    "memory": (limits.memory, 20),
    "soak": (limits.soak, 60),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("binary")
    parser.add_argument("attack", choices=ATTACKS)
    parser.add_argument("--times", type=int)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    random.seed(chosen.seed)
    attack, usual = ATTACKS[chosen.attack]
    binary = str(pathlib.Path(chosen.binary).resolve())
    with tempfile.TemporaryDirectory() as folder:
        return attack(binary, pathlib.Path(folder), chosen.times or usual)


if __name__ == "__main__":
    sys.exit(main())
