"""Runs workers and reads what they leave: counts, and findings with a command that repeats them."""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Beyond its own time a worker may take this long to load, to read its seeds and to end.
GRACE_S = 240
_LINE_MOST = 400


class Campaign:
    """`run(name)` gives a row of the table; `findings` collects what is wrong. Threads may call `run`."""

    def __init__(self, engine, seconds, folder, plant=""):
        self.engine = engine
        self.seconds = seconds
        self.folder = folder
        self.plant = plant
        self.findings = []
        self._children = set()

    def run(self, name):
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        start = time.monotonic()
        code, text = self._worker(name, self.engine, self.seconds)
        spent = time.monotonic() - start
        counts = _atheris_counts(text) if self.engine == "atheris" else _last_json(text)
        found = self._shrunk(name, code, text, folder, counts)
        # What the engine has found would be found again by the look at memory.
        grown = {} if found else _last_json(self._worker(name, "growth", self.seconds)[1])
        if not found and "stayed" not in grown:
            found.append(
                {"error": grown.get("grows", "the look at memory broke"), "where": "judge.py", "input": None}
            )
        for finding in found:
            self._report(name, folder, finding)
        executions = counts.get("executions") or 0
        return {
            "target": name,
            "engine": self.engine,
            "seconds": round(spent, 1),
            "executions": executions,
            "exec/s": round(executions / spent),
            "new": "-" if counts.get("new") is None else counts["new"],
            "edges": "-" if counts.get("edges") is None else counts["edges"],
            "findings": len(found),
            "grown_bytes": grown.get("stayed"),
            "largest_bytes": grown.get("largest"),
        }

    def _worker(self, name, mode, seconds):
        command = [
            sys.executable,
            "-m",
            "tests.fuzz.worker",
            name,
            mode,
            str(seconds),
            str(self.folder / name),
        ]
        command += [self.plant] if self.plant else []
        # Hashes of strings are part of what is read: the same in every run.
        environment = dict(os.environ, PYTHONHASHSEED="0")
        child = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._children.add(child)
        code = None
        try:
            text, _ = child.communicate(timeout=seconds + GRACE_S)
            code = child.returncode
        except subprocess.TimeoutExpired:
            child.kill()
            text, _ = child.communicate()
        self._children.discard(child)
        return code, text.decode(errors="replace")

    def stop(self):
        """End the workers: nothing of a campaign goes on behind its back."""
        for child in list(self._children):
            child.kill()

    def _shrunk(self, name, code, text, folder, counts):
        """Findings of the engine. A worker that broke is one too: silence must not look like success."""
        current = folder / "current"
        if code is None and current.exists():
            data = current.read_bytes()
            (folder / "timeout-current").write_bytes(data[2 : 2 + int.from_bytes(data[:2], "big")])
        if not any(folder.glob("*-*")):
            if code == 0 and counts.get("executions"):
                return []
            return [
                {"error": f"the worker ended with {code}: {text[-600:]}", "where": "worker.py", "input": None}
            ]
        code, text = self._worker(name, "shrink", 120)
        findings = _last_json(text).get("findings")
        if findings is None:
            # It takes the process with it, or hangs outside Python: the inputs stay as they are.
            return [
                {
                    "error": f"{path.name}: ends the process ({code})",
                    "where": "",
                    "input": path.read_bytes().hex(),
                }
                for path in folder.glob("*-*")
            ]
        return findings

    def _report(self, name, folder, finding):
        finding["target"] = name
        plant = f" --plant {self.plant}" if self.plant else ""
        finding["saved"] = finding["repeat"] = "-"
        if finding["input"] is not None:
            path = folder / (
                "finding_%s.hex" % hashlib.sha1(bytes.fromhex(finding["input"])).hexdigest()[:12]
            )
            path.write_text(finding["input"] + "\n")
            finding["saved"] = str(path)
            what = (
                f"--input '{finding['input']}'" if len(finding["input"]) <= _LINE_MOST else f"--file {path}"
            )
            finding["repeat"] = f"{_python()} -m tests.fuzz --target {name} {what}{plant}"
        self.findings.append(finding)


def _python():
    """As one would type it: the project's own environment by its short name."""
    inside = os.path.relpath(sys.executable, ROOT)
    return sys.executable if inside.startswith("..") else inside


def _last_json(text):
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            try:
                return json.loads(line)
            except ValueError:
                return {}
    return {}


def _atheris_counts(text):
    """libFuzzer's own words; where it stopped early its last line of progress."""
    counts = {}
    for key, pattern in (
        ("executions", r"stat::number_of_executed_units:\s*(\d+)"),
        ("new", r"stat::new_units_added:\s*(\d+)"),
    ):
        found = re.findall(pattern, text)
        if found:
            counts[key] = int(found[-1])
    progress = re.findall(r"^#(\d+)\s.*?cov: (\d+)", text, re.MULTILINE)
    if progress:
        counts.setdefault("executions", int(progress[-1][0]))
        counts["edges"] = int(progress[-1][1])
    return counts
