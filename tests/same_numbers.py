"""Whether two builds of nso-tui compute the same numbers.

    python3 tests/same_numbers.py BEFORE AFTER [--presets NAME ...] [--sessions DIR ...] [--jobs N]

BEFORE and AFTER are two nso-tui binaries. Every embedded preset of BEFORE that runs on the CPU without data of its own
is cut to a few steps and run by both, with seeds 1 and 2. The event logs must be equal line by line, but for clock
times and for fields and events that only AFTER has; numbers are compared as they are written, so to the last bit. The
weights must be equal byte by byte. Each DIR is a session that BEFORE wrote: both must export the same CSV and JSON
lines from it. Prints one line a preset and seed; exit status 1 if anything differs. Takes about ten minutes.
"""

import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys
import tempfile

# What a clock says.
TIMES = {"seconds", "took", "time", "started", "version", "crc32"}
# Budgets that reach an evaluation and a measurement after the first steps of every method.
CUT = [
    "train.gradients=12",
    'train.evaluate_every="6 gradients"',
    'train.probe_every="6 gradients"',
    "train.record_every=1",
]
# Presets whose data is not embedded.
NEEDS_DATA = {"resnet34-folder"}
# Convolutional networks take minutes a measurement on a CPU: fewer examples and fewer Hessian-vector products.
SMALLER = {
    "clipart-": ["train.gradients=4", 'train.evaluate_every="4 gradients"', 'train.probe_every="never"', "train.batch=4"],
    "fashion-cnn": ["train.probe_examples=32", "train.trace_probes=2", "train.lanczos_products=6"],
}


def run(binary, *arguments):
    """Standard output of a command that must succeed."""
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{binary} {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def budget_free(text):
    """A preset without its own budget, which the cut replaces."""
    return "".join(line for line in text.splitlines(True) if line.split("=")[0].strip() not in ("epochs", "steps"))


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(inner) for key, inner in value.items() if key not in TIMES}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def events(path):
    """The events of a log, numbers as they are written."""
    with open(path, encoding="utf-8") as lines:
        return [without_times(json.loads(line, parse_float=str, parse_int=str)) for line in lines]


def difference(before, after, where=""):
    """The first place where `after` lacks or changes something of `before`; None where it does not."""
    if isinstance(before, dict) and isinstance(after, dict):
        missing = [key for key in before if key not in after]
        if missing:
            return f"{where}: no {missing[0]}"
        found = (difference(before[key], after[key], f"{where}.{key}") for key in before)
        return next(filter(None, found), None)
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        found = (difference(a, b, f"{where}[{at}]") for at, (a, b) in enumerate(zip(before, after)))
        return next(filter(None, found), None)
    return None if before == after else f"{where}: {str(before)[:200]} is now {str(after)[:200]}"


def tensors(data):
    """The bytes of every tensor of a safetensors file, by name; metadata aside."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    places = {name: [8 + length + at for at in entry["data_offsets"]] for name, entry in header.items()}
    return {name: data[start:end] for name, (start, end) in places.items()}


def compare(binaries, name, seed):
    """What differs between the two builds' sessions of a preset, and how much was compared."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        preset = folder / f"{name}.toml"
        preset.write_text(budget_free(run(binaries[0], "presets", "show", name)), encoding="utf-8")
        sets = list(CUT)
        for prefix, smaller in SMALLER.items():
            if name.startswith(prefix):
                sets += smaller
        options = [part for key in sets for part in ("--set", key)]
        sessions = []
        for binary, side in zip(binaries, ("before", "after")):
            out = folder / side
            run(binary, "run", preset, "--device", "flex", "--seed", str(seed), "--out", out, *options)
            sessions.append(out)
        runs = sorted(path.name for path in sessions[0].iterdir() if path.is_dir())
        lines = numbers = 0
        for each in runs:
            before, after = (events(session / each / "events.jsonl") for session in sessions)
            kinds = {event["event"] for event in before}
            after = [event for event in after if event["event"] in kinds]
            lines += len(before)
            found = difference(before, after, each)
            if found:
                return found, lines, numbers
            for weights in sorted(path.name for path in (sessions[0] / each).glob("*.safetensors")):
                if weights.startswith("checkpoint-"):
                    continue
                old, new = (tensors((session / each / weights).read_bytes()) for session in sessions)
                numbers += sum(map(len, old.values())) // 4
                if old != new:
                    return f"{each}/{weights} differs", lines, numbers
        return None, lines, numbers


def exports(binaries, session):
    """What differs between the two builds' exports of a session."""
    with tempfile.TemporaryDirectory() as folder:
        for ending in ("jsonl", "csv"):
            files = [pathlib.Path(folder) / f"{side}.{ending}" for side in ("before", "after")]
            for binary, file in zip(binaries, files):
                run(binary, "export", session, "-o", file)
            old, new = (file.read_text(encoding="utf-8").splitlines() for file in files)
            if ending == "jsonl":
                parsed = [[json.loads(line, parse_float=str, parse_int=str) for line in side] for side in (old, new)]
                found = difference(*parsed, where=ending)
            else:
                found = None if old == new else next(
                    (f"csv: {a} is now {b}" for a, b in zip(old, new) if a != b), "csv: another number of lines")
            if found:
                return found
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--presets", nargs="*")
    parser.add_argument("--sessions", nargs="*", default=[])
    parser.add_argument("--jobs", type=int, default=1)
    chosen = parser.parse_args()
    binaries = [str(pathlib.Path(binary).resolve()) for binary in (chosen.before, chosen.after)]
    names = chosen.presets
    if names is None:
        listed = [line.split()[0] for line in run(binaries[0], "presets", "list").splitlines() if line.strip()]
        names = [name for name in listed if name not in NEEDS_DATA]
    failed = 0
    jobs = [(name, seed) for name in names for seed in (1, 2)]
    with concurrent.futures.ThreadPoolExecutor(chosen.jobs) as pool:
        for (name, seed), (found, lines, numbers) in zip(jobs, pool.map(lambda job: compare(binaries, *job), jobs)):
            verdict = found or f"equal: {lines} events, {numbers} weights"
            print(f"{name} seed {seed}: {verdict}", flush=True)
            failed += found is not None
    for session in chosen.sessions:
        found = exports(binaries, session)
        print(f"{session}: {found or 'exports equal'}", flush=True)
        failed += found is not None
    print(f"{len(jobs) + len(chosen.sessions) - failed} equal, {failed} differ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
