"""The session that is attacked, and how one is compared with another."""

import json
import pathlib
import subprocess
import sys
import threading
import time

SESSION = [
    "mnist-mlp",
    "--device", "flex",
    "--set", "train.gradients=400",
    "--set", 'train.evaluate_every="100 gradients"',
    "--set", 'train.probe_every="200 gradients"',
    "--set", "train.trace_probes=2",
    "--set", "train.lanczos_products=3",
    "--set", "train.probe_examples=256",
    "--set", "problem.train_samples=1000",
    "--set", "problem.hidden=64",
    "--set", "train.batch=64",
    "--set", 'train.checkpoint_every="1 s"',
]
# What a clock says, and the checksum of it.
TIMES = {"seconds", "took", "crc32"}


def start(binary, folder, **options):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([binary, "run", *SESSION, "--out", folder], **(quiet | options))


def resume(binary, folder):
    done = subprocess.run([binary, "resume", folder], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def runs(folder):
    return sorted(path for path in pathlib.Path(folder).iterdir() if path.is_dir())


def timeless(value):
    if isinstance(value, dict):
        return {key: timeless(inner) for key, inner in value.items() if key not in TIMES}
    return value


def events(run):
    """The events of a run, but for what a user did at the time."""
    lines = (json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines())
    return [timeless(line) for line in lines if line["event"] not in ("pause", "resume", "reject")]


def tensors(path):
    """The bytes of all tensors of a safetensors file, by name."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    base = 8 + length
    return {name: data[base + entry["data_offsets"][0] : base + entry["data_offsets"][1]] for name, entry in header.items()}


def differs(reference, folder):
    """The first difference between two sessions; None where they are the same."""
    for run in runs(reference):
        other = pathlib.Path(folder) / run.name
        before, after = events(run), events(other)
        if before != after:
            at = next((i for i, (a, b) in enumerate(zip(before, after)) if a != b), min(len(before), len(after)))
            return f"{run.name}, event {at}: {before[at:at + 1]} is {after[at:at + 1]}"
        for weights in sorted(run.glob("*.safetensors")):
            if not weights.name.startswith("checkpoint-") and tensors(weights) != tensors(other / weights.name):
                return f"{run.name}/{weights.name}"
    return None


class Acknowledged:
    """Reads the logs of a session as it grows, as a dashboard does: what was seen must still be there afterwards."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.seen = {}
        self.over = False
        self.thread = threading.Thread(target=self.follow)
        self.thread.start()

    def follow(self):
        while not self.over:
            for log in self.folder.glob("*/events.jsonl"):
                data = log.read_bytes()
                self.seen[log] = data[: data.rfind(b"\n") + 1]
            time.sleep(0.003)

    def lost(self):
        self.over = True
        self.thread.join()
        return [str(log) for log, seen in self.seen.items() if not log.read_bytes().startswith(seen)]


class Report:
    def __init__(self, what):
        self.what, self.held, self.failed = what, 0, []

    def add(self, fault, at):
        if fault:
            self.failed.append(fault)
            print(f"  {self.what} {at}: {fault}", file=sys.stderr, flush=True)
        else:
            self.held += 1

    def end(self, more=""):
        print(f"{self.what}: {self.held} of {self.held + len(self.failed)} held{more}")
        return 1 if self.failed else 0


def reference(binary, folder):
    begin = time.time()
    if start(binary, folder).wait() != 0:
        raise SystemExit("the session without an attack does not complete")
    return time.time() - begin
