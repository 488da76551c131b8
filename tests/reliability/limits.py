"""Sessions that are long, presets that are large, and memory that is short."""

import os
import pathlib
import random
import signal
import subprocess
import sys
import time

from session import SESSION, Report, events, resume, runs
from terminals import resident

# Seconds in which a session ends that is asked to.
SOON = 2


def soak(binary, scratch, minutes):
    """Resident memory and open files of four runs, once a minute; the slope of memory over the second half."""
    command = [part.replace("train.gradients=400", "train.gradients=100000000") for part in SESSION]
    process = subprocess.Popen([binary, "run", *command, "--set", "train.record_every=1000", "--out", scratch / "soak"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    samples = []
    for minute in range(minutes):
        time.sleep(60)
        size, files = resident(process.pid), len(list(pathlib.Path(f"/proc/{process.pid}/fd").iterdir()))
        samples.append((minute + 1, size, files))
        print(f"  minute {minute + 1}: {size:.1f} MiB, {files} open files", file=sys.stderr, flush=True)
    process.terminate()
    process.wait()
    half = samples[len(samples) // 2 :]
    mean_x, mean_y = (sum(each[i] for each in half) / len(half) for i in (0, 1))
    slope = sum((x - mean_x) * (y - mean_y) for x, y, _ in half) / max(sum((x - mean_x) ** 2 for x, _, _ in half), 1e-9)
    print(f"soak: {60 * slope:.2f} MiB an hour over the second half of {minutes} min, "
          f"{half[0][2]} to {half[-1][2]} open files")
    return 0 if 60 * slope < 1 else 1


def terminate(binary, scratch, times):
    """SIGTERM at a random moment of each embedded preset, so many times: how long until the program has ended."""
    listed = subprocess.run([binary, "presets", "list"], capture_output=True, text=True, check=True).stdout
    longest, report = {}, Report("terminate")
    for name in (line.split()[0] for line in listed.splitlines()):
        for turn in range(times):
            process = subprocess.Popen([binary, "run", name, "--device", "flex", "--out", scratch / f"{name}-{turn}"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            try:
                process.wait(timeout=random.uniform(0.2, 15))
                if process.returncode == 2:
                    print(f"  {name} does not start: {process.stderr.read().strip()}", file=sys.stderr)
                continue
            except subprocess.TimeoutExpired:
                pass
            since = time.time()
            process.send_signal(signal.SIGTERM)
            code = process.wait()
            took = time.time() - since
            longest[name] = max(took, longest.get(name, 0))
            fault = f"took {took:.2f} s" if took > SOON else None
            report.add(fault or (None if code in (0, 143) else f"exit code {code}"), name)
    slowest = max(longest, key=longest.get)
    return report.end(f" ({len(longest)} presets; the slowest, {slowest}, took {longest[slowest]:.2f} s)")


def children_of(process):
    """The processes that the threads of a process have started."""
    found = []
    for thread in pathlib.Path(f"/proc/{process}/task").iterdir():
        found += [int(child) for child in (thread / "children").read_text().split()]
    return found


class Cap:
    """A control group of Linux whose processes get so little more memory that the system kills them."""

    BYTES = 16 << 20

    def __init__(self):
        root = pathlib.Path("/sys/fs/cgroup")
        # Version 1 has a folder for each resource, version 2 one for all.
        old = (root / "memory").is_dir()
        self.folder = (root / "memory" if old else root) / f"reliability-{os.getpid()}"
        self.folder.mkdir()
        (self.folder / ("memory.limit_in_bytes" if old else "memory.max")).write_text(str(self.BYTES))

    def take_in(self, process):
        (self.folder / "cgroup.procs").write_text(str(process))

    def remove(self):
        self.folder.rmdir()


def memory(binary, scratch, times):
    """Takes memory from one of four runs, each in a process of its own: it ends with a reason, the others complete."""
    # Krylov bases that grow while curvature is measured.
    command = [*SESSION, "--set", "problem.hidden=600", "--set", "train.lanczos_products=60", "--set", "train.gradients=60",
               "--set", "train.batch=64", "--set", 'train.evaluate_every="60 gradients"', "--set", 'train.probe_every="20 gradients"']
    report, reasons = Report("memory"), set()
    for turn in range(times):
        folder = scratch / f"memory-{turn}"
        process = subprocess.Popen([binary, "run", *command, "--isolate", "--out", folder],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        children = []
        while len(children) < 4 and process.poll() is None:
            children = children_of(process.pid)
            time.sleep(0.01)
        time.sleep(random.uniform(0, 1))
        cap = Cap()
        cap.take_in(random.choice(children))
        process.wait()
        cap.remove()
        last = [events(run)[-1] for run in runs(folder)]
        died = [event for event in last if event.get("outcome") != "completed"]
        fault = None
        if len(died) != 1 or died[0].get("outcome") != "failed":
            fault = f"exit code {process.returncode}; the runs ended as {last}"
        reasons |= {event.get("reason") for event in died}
        code, text = resume(binary, folder)
        fault = fault or (f"resume ended with {code}: {text[-300:]}" if code != 0 else None)
        report.add(fault, f"turn {turn}")
    return report.end(f" (it said: {'; '.join(map(str, reasons))})")
