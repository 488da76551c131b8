"""Attacks on a session, and whether it holds: the figures of docs/src/reliability.md.

    python3 tests/reliability.py BINARY kill [--times 200]      kill -9 at random moments, then resume
    python3 tests/reliability.py BINARY flips [--times 2000]    single flipped bits of a finished session
    python3 tests/reliability.py BINARY signals [--times 320]   one SIGTERM or SIGINT at a random moment, then resume
    python3 tests/reliability.py BINARY timeout [--times 160]   coreutils `timeout`, which signals process and group
    python3 tests/reliability.py BINARY full [--times 50]       the disk is full for .05 to 5 s, or for good (root, Linux)
    python3 tests/reliability.py BINARY soak [--minutes 60]     memory and open files of four runs

Each prints one line of what was counted; exit status 1 if anything did not hold. The session is mnist-mlp, cut to some
seconds; what a resumed session has in its logs and weights is compared with one that was not cut off, times aside.
"""

import argparse
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
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


def attack(binary, scratch, times, what, strike):
    """Starts the session so many times, lets `strike` end it at a random moment, resumes it, and compares."""
    whole = scratch / "whole"
    lasts = reference(binary, whole)
    report, ended, lines = Report(what), 0, 0
    for turn in range(times):
        folder = scratch / f"{what}-{turn}"
        process = start(binary, folder, start_new_session=True)
        while not (folder / "session.toml").exists() and process.poll() is None:
            time.sleep(0.002)
        seen = Acknowledged(folder)
        moment = random.uniform(0, 1.02 * lasts)
        fault = strike(process, moment)
        lost = seen.lost()
        lines += sum(data.count(b"\n") for data in seen.seen.values())
        if lost:
            fault = fault or f"acknowledged records are gone from {lost}"
        ended += process.returncode == 0
        code, text = resume(binary, folder)
        if code != 0:
            fault = fault or f"resume ended with {code}: {text[-500:]}"
        fault = fault or differs(whole, folder)
        report.add(fault, f"after {moment:.3f} s")
        if not fault:
            subprocess.run(["rm", "-rf", folder], check=True)
    return report.end(f" ({lines} acknowledged records; {ended} sessions had come to their end before)")


def kill(process, moment):
    try:
        process.wait(timeout=moment)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return None


def one_signal(process, moment):
    try:
        process.wait(timeout=moment)
        return None
    except subprocess.TimeoutExpired:
        pass
    number = random.choice([signal.SIGTERM, signal.SIGINT])
    process.send_signal(number)
    try:
        code = process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return f"{number.name} was ignored for 20 s"
    return None if code in (0, 128 + number) else f"exit code {code} after {number.name}"


def process_and_group(process, moment):
    """What coreutils `timeout` does: a signal to the process, and at once one to its group."""
    try:
        process.wait(timeout=moment)
        return None
    except subprocess.TimeoutExpired:
        pass
    process.send_signal(signal.SIGTERM)
    os.killpg(process.pid, signal.SIGTERM)
    try:
        code = process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return "was ignored for 20 s"
    return None if code in (0, 143) else f"exit code {code}"


def flips(binary, scratch, times):
    """Flips single bits of a finished session: nothing else may be read than was written, and `verify` must see it."""
    whole = scratch / "whole"
    reference(binary, whole)
    export = lambda: subprocess.run(
        [binary, "export", whole, "-o", scratch / "out.jsonl"], capture_output=True, check=False)

    def exported():
        (scratch / "out.jsonl").unlink(missing_ok=True)
        code = export().returncode
        return code, (scratch / "out.jsonl").read_text().splitlines() if code == 0 else []

    written = exported()[1]
    known = set(written)
    files = sorted(path for path in whole.rglob("*") if path.is_file() and path.name != ".lock")
    report, unreadable, lost = Report("flips"), 0, 0
    for _ in range(times):
        path = random.choices(files, weights=[min(file.stat().st_size, 200_000) for file in files])[0]
        data = path.read_bytes()
        bit = random.randrange(8 * len(data))
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        fault = None
        checked = subprocess.run([binary, "verify", whole], capture_output=True, text=True, check=False)
        if checked.returncode == 0:
            fault = "verify does not see it"
        elif path.name == "events.jsonl" and not any(
            str(path) in line and line.startswith("damaged") for line in checked.stdout.splitlines()
        ):
            fault = f"verify does not name the place: {checked.stdout}{checked.stderr}"
        if path.name in ("events.jsonl", "session.toml"):
            code, found = exported()
            unreadable += code != 0
            if code != 0 and path.name == "events.jsonl":
                fault = fault or "the session cannot be read"
            if not set(found) <= known and path.name == "events.jsonl":
                fault = fault or f"another value is read: {sorted(set(found) - known)[:1]}"
            if code == 0 and len(found) < len(written) - 2:
                fault = fault or f"{len(written) - len(found)} records are lost"
            lost += len(written) - len(found) if code == 0 else 0
        report.add(fault, f"bit {bit} of {path.relative_to(whole)}")
        path.write_bytes(data)
    return report.end(f" ({lost} records skipped; {unreadable} with session.toml unreadable, and said so)")


def full(binary, scratch, times):
    """Fills the disk that a session is written to, for a while or for good."""
    disk = scratch / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", disk], check=True)
    report = Report("full")
    try:
        whole = scratch / "whole"
        lasts = reference(binary, whole)
        for turn in range(times):
            folder = disk / "session"
            process = start(binary, folder)
            while not (folder / "session.toml").exists() and process.poll() is None:
                time.sleep(0.002)
            time.sleep(random.uniform(0, 0.9 * lasts))
            for_good = turn % 10 == 9
            gap = random.uniform(0.05, 5)
            filler = disk / "filler"
            try:
                with filler.open("wb", buffering=0) as file:
                    while True:
                        file.write(b"x" * 4096)
            except OSError:
                pass
            time.sleep(gap)
            fault = None
            if for_good:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    fault = "does not end while the disk is full"
                filler.unlink()
                code, text = resume(binary, folder)
                if code != 0:
                    fault = fault or f"resume ended with {code}: {text[-300:]}"
            else:
                filler.unlink()
                try:
                    code = process.wait(timeout=120)
                    fault = f"exit code {code}" if code != 0 else None
                except subprocess.TimeoutExpired:
                    process.kill()
                    fault = "did not go on"
            fault = fault or differs(whole, folder)
            report.add(fault, f"for {'good' if for_good else f'{gap:.2f} s'}")
            subprocess.run(["rm", "-rf", folder], check=True)
    finally:
        subprocess.run(["umount", disk], check=True)
    return report.end()


def soak(binary, scratch, minutes):
    """Resident memory and open files of four runs, once a minute; the slope of memory over the second half."""
    command = [part.replace("train.gradients=400", "train.gradients=100000000") for part in SESSION]
    process = subprocess.Popen([binary, "run", *command, "--set", "train.record_every=1000", "--out", scratch / "soak"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    samples = []
    for minute in range(minutes):
        time.sleep(60)
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        kilobytes = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
        files = len(list(pathlib.Path(f"/proc/{process.pid}/fd").iterdir()))
        samples.append((minute + 1, kilobytes / 1024, files))
        print(f"  minute {minute + 1}: {kilobytes / 1024:.1f} MiB, {files} open files", file=sys.stderr, flush=True)
    process.terminate()
    process.wait()
    half = samples[len(samples) // 2 :]
    mean_x, mean_y = (sum(each[i] for each in half) / len(half) for i in (0, 1))
    slope = sum((x - mean_x) * (y - mean_y) for x, y, _ in half) / max(sum((x - mean_x) ** 2 for x, _, _ in half), 1e-9)
    print(f"soak: {60 * slope:.2f} MiB an hour over the second half of {minutes} min, "
          f"{half[0][2]} to {half[-1][2]} open files")
    return 0 if 60 * slope < 1 else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("what", choices=["kill", "flips", "signals", "timeout", "full", "soak"])
    parser.add_argument("--times", type=int)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    random.seed(chosen.seed)
    binary = str(pathlib.Path(chosen.binary).resolve())
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        times = chosen.times
        match chosen.what:
            case "kill":
                return attack(binary, scratch, times or 200, "kill", kill)
            case "signals":
                return attack(binary, scratch, times or 320, "signals", one_signal)
            case "timeout":
                return attack(binary, scratch, times or 160, "timeout", process_and_group)
            case "flips":
                return flips(binary, scratch, times or 2000)
            case "full":
                return full(binary, scratch, times or 50)
            case "soak":
                return soak(binary, scratch, chosen.minutes)


if __name__ == "__main__":
    sys.exit(main())
