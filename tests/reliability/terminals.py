"""Terminals that are closed, slow, or not read at all."""

import fcntl
import json
import os
import pathlib
import pty
import random
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import termios
import threading
import time

from session import SESSION, Report, events, runs

HANG_UP = 129
# What may pass from the end of a terminal to the end of the program.
PATIENCE = 20
# Bytes a second of the slow reader.
SLOW = 1000


def in_terminal(command, controlling=True):
    """The command in a pseudo-terminal of 40 rows and 120 columns: its process and the other side of the terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

    def take():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, close_fds=True,
        preexec_fn=take if controlling else None, env=os.environ | {"TERM": "xterm-256color"})
    os.close(slave)
    return process, master


class Reader(threading.Thread):
    """Reads a terminal, so many bytes a second; all there is without a limit, nothing at 0."""

    def __init__(self, master, rate=None):
        super().__init__(daemon=True)
        self.master, self.rate, self.over = master, rate, False
        self.start()

    def run(self):
        while not self.over and self.rate != 0:
            try:
                if not os.read(self.master, 1 << 16 if self.rate is None else max(1, self.rate // 10)):
                    return
            except OSError:
                return
            if self.rate is not None:
                time.sleep(0.1)


def lost(folder):
    """What a session lacks of an orderly end; None where it lacks nothing."""
    if not (folder / "session.toml").exists():
        return None
    for run in runs(folder):
        if events(run)[-1]["event"] != "finish":
            return f"{run.name} has no end in its log"
        if not (run / "weights.safetensors").exists() or not list(run.glob("checkpoint-*")):
            return f"{run.name} has no weights or no checkpoint"
    return None


def closing(binary, scratch, times):
    """Closes the terminal at a random moment: the pane of tmux, the terminal that controls the process, one that does not."""
    status = 0
    for name, program in (("dashboard", []), ("run", ["run"])):
        for kind in ("pane", "controlling", "other"):
            if kind == "pane" and not shutil.which("tmux"):
                print(f"closing, {name}, pane: no tmux here", file=sys.stderr)
                continue
            report = Report(f"closing, {name}, {kind} terminal")
            for turn in range(times):
                folder = scratch / f"{name}-{kind}-{turn}"
                folder.mkdir()
                command = [binary, *program, *SESSION, "--set", "train.gradients=1000000"]
                close = close_pane if kind == "pane" else close_terminal
                fault = close(command, folder, kind == "controlling")
                found = list(folder.glob("runs/*/session.toml"))
                fault = fault or (lost(found[0].parent) if found else "there is no session")
                report.add(fault, f"turn {turn}")
                shutil.rmtree(folder)
            status |= report.end()
    return status


def wait_for_steps(folder):
    deadline = time.time() + PATIENCE
    while time.time() < deadline:
        logs = list(folder.glob("runs/*/*/events.jsonl"))
        if len(logs) == 4 and all(log.stat().st_size for log in logs):
            return
        time.sleep(0.01)


def ended(code):
    return None if code == HANG_UP else f"exit code {code}"


def close_terminal(command, folder, controlling):
    process, master = in_terminal(["env", "-C", str(folder), *command], controlling)
    Reader(master)
    wait_for_steps(folder)
    time.sleep(random.uniform(0, 1))
    # The reader holds the same descriptor: its next read fails.
    os.close(master)
    try:
        return ended(process.wait(timeout=PATIENCE))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return f"it was still there {PATIENCE} s later"


# Runs a command and notes its exit code, also when its terminal is gone.
NOTE = """
import signal, subprocess, sys
signal.signal(signal.SIGHUP, lambda *_: None)
code = subprocess.call(sys.argv[2:])
open(sys.argv[1], "w").write(str(code))
"""


def close_pane(command, folder, _controlling):
    tmux = ["tmux", "-L", f"reliability-{os.getpid()}"]
    code = folder / "code"
    subprocess.run([*tmux, "new-session", "-d", "-x", "120", "-y", "40", "-c", str(folder),
                    sys.executable, "-c", NOTE, str(code), *command], check=True)
    wait_for_steps(folder)
    time.sleep(random.uniform(0, 1))
    subprocess.run([*tmux, "kill-pane"], check=True)
    deadline = time.time() + PATIENCE
    while time.time() < deadline:
        if code.exists() and code.read_text():
            return ended(int(code.read_text()))
        time.sleep(0.02)
    return f"it was still there {PATIENCE} s later"


def slow(binary, scratch, rounds):
    """The dashboard before a reader of 1 kB/s, and before none, beside `run`: training, memory, and SIGTERM."""
    seconds, gradients, growth, answers = 60, {}, {}, []
    for turn in range(rounds):
        for name, program, rate in (("run", ["run"], None), ("1 kB/s", [], SLOW), ("unread", [], 0)):
            folder = scratch / f"{name.replace('/', '-')}-{turn}"
            folder.mkdir()
            command = [binary, *program, *SESSION, "--set", "train.gradients=1000000", "--set", 'train.probe_every="never"']
            process, master = in_terminal(["env", "-C", str(folder), *command])
            reader = Reader(master, rate)
            wait_for_steps(folder)
            before, sizes = spent(folder), []
            for _ in range(seconds // 5):
                time.sleep(5)
                sizes.append(resident(process.pid))
            gradients.setdefault(name, []).append(spent(folder) - before)
            growth.setdefault(name, []).append((sizes[-1] - sizes[1]) * 60 / (5 * (len(sizes) - 2)))
            since = time.time()
            process.send_signal(signal.SIGTERM)
            process.wait()
            answers.append(time.time() - since)
            reader.over = True
            os.close(master)
            shutil.rmtree(folder)
    middle = {name: statistics.median(found) for name, found in gradients.items()}
    for name in middle:
        print(f"slow, {name}: {middle[name] / middle['run']:.3f} of the gradients of `run` ({middle[name]:.0f} in {seconds} s), "
              f"memory {statistics.median(growth[name]):+.1f} MiB a minute")
    print(f"slow: SIGTERM answered within {max(answers):.2f} s at most")
    held = all(count > 0.97 * middle["run"] for count in middle.values()) and max(answers) < 1 \
        and all(statistics.median(found) < 5 for found in growth.values())
    return 0 if held else 1


def spent(folder):
    """Gradient evaluations that all runs of the only session have taken together."""
    total = 0
    for log in folder.glob("runs/*/*/events.jsonl"):
        steps = [line for line in log.read_bytes().split(b"\n")[:-1] if line.startswith(b'{"event":"step"')]
        total += json.loads(steps[-1])["gradients"] if steps else 0
    return total


def resident(process):
    """Resident memory in MiB."""
    status = pathlib.Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024
