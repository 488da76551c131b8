"""A process that is killed, or asked to end, at a random moment."""

import os
import random
import signal
import subprocess
import time

from session import SESSION, Acknowledged, Report, differs, reference, resume, start


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


def killed(binary, scratch, times):
    return attack(binary, scratch, times, "kill", kill)


def signals(binary, scratch, times):
    return attack(binary, scratch, times, "signals", one_signal)


def timeout(binary, scratch, times):
    return attack(binary, scratch, times, "timeout", process_and_group)


def checkpoints(binary, scratch, times):
    """Kills a session while a checkpoint is being written, so many times: the ones before must be whole, and it goes on."""
    # Wide enough that writing a checkpoint takes a while.
    command = SESSION + ["--set", "problem.hidden=600", "--set", "train.gradients=100", "--set", "train.batch=64",
                         "--set", 'train.probe_every="never"']
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    begin = lambda folder: subprocess.Popen([binary, "run", *command, "--out", folder], **quiet)
    whole = scratch / "whole"
    if begin(whole).wait() != 0:
        raise SystemExit("the session without an attack does not complete")
    report, elsewhere, cut_off = Report("checkpoints"), 0, 0
    while len(report.failed) + report.held < times:
        folder = scratch / "session"
        process = begin(folder)
        running = lambda: process.poll() is None
        while running() and len(list(folder.glob("*/checkpoint-*"))) < 4:
            time.sleep(0.001)
        while running() and not list(folder.glob("*/.nso-tui-*.safetensors")):
            time.sleep(0.0002)
        kill(process, random.uniform(0, 0.02))
        # What is being written has a hidden name until it is whole.
        written = list(folder.glob("*/.nso-tui-*.safetensors"))
        if written:
            cut_off += len(written)
            checked = subprocess.run([binary, "verify", folder], capture_output=True, text=True, check=False)
            damaged = [line for line in checked.stdout.splitlines() if line.startswith("damaged") and "checkpoint-" in line]
            fault = f"not whole: {damaged}" if damaged else None
            if not all(list(path.parent.glob("checkpoint-*.safetensors")) for path in written):
                fault = fault or "there is no checkpoint from before"
            code, text = resume(binary, folder)
            fault = fault or (f"resume ended with {code}: {text[-500:]}" if code != 0 else differs(whole, folder))
            report.add(fault, f"with {[str(path) for path in written]}")
        else:
            elsewhere += 1
        subprocess.run(["rm", "-rf", folder], check=True)
    return report.end(f" ({cut_off} checkpoints cut off; {elsewhere} more kills hit no write)")
