"""Files that are damaged, and a disk that is full."""

import random
import signal
import subprocess
import time

from session import Report, differs, reference, resume, start


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
