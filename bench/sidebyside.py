# SPDX-License-Identifier: MIT
"""Two programs, one machine, one hour: what bench/compare, bench/http and bench/hogs share.

A machine's speed drifts by a quarter within minutes, so a figure says little beside one of another hour. Here both sides
run alternately (A B A B ...), each pair within a second or a few, and what is compared is the median of the pairs' ratios.
"""
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "performance.md"


def need_benchmarks(build, *names):
    """The paths of these programs under `build`; ends the script with what to do if one is missing."""
    paths = [Path(build, name).resolve() for name in names]
    for path in paths:
        if not path.exists():
            sys.exit(f"{path} is not there. Build it first: ./run --build-only")
    return paths


def build_go(what, output, test=False):
    """Builds a package of bench/peers/go to `output`; None, loudly, where there is no Go. Standard library only, so
    nothing is fetched."""
    if shutil.which("go") is None:
        print("NO GO TOOLCHAIN on this machine: only our own figures follow.", file=sys.stderr)
        return None
    output.parent.mkdir(parents=True, exist_ok=True)
    command = ["go", "test", "-c"] if test else ["go", "build"]
    environment = os.environ | {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local"}
    subprocess.run([*command, "-o", output, f"./{what}"], cwd=ROOT / "bench/peers/go", env=environment, check=True)
    return output


def build_gin(output):
    """Builds bench/peers/gin to `output`, its modules from the proxy; None, loudly, where that cannot be."""
    if shutil.which("go") is None:
        return None
    output.parent.mkdir(parents=True, exist_ok=True)
    built = subprocess.run(["go", "build", "-o", output, "."], cwd=ROOT / "bench/peers/gin", capture_output=True, text=True)
    if built.returncode != 0:
        print(f"NO GIN: its modules cannot be fetched or built here.\n{built.stderr}", file=sys.stderr)
        return None
    return output


def go_version():
    return subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout.strip()


def on_cores(cores, command):
    """The command, kept on these cores ("0" or "0,1")."""
    return ["taskset", "-c", cores, *map(str, command)]


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def median(values):
    return statistics.median(values)


def spread(ratios):
    """'median [min..max]'."""
    digits = 2 if median(ratios) >= 0.1 else 4
    return f"{median(ratios):.{digits}f} [{min(ratios):.{digits}f}..{max(ratios):.{digits}f}]"


def machine():
    """One line on where and when this was measured."""
    model = platform.processor() or "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    commit = head.stdout.strip()
    cores = len(os.sched_getaffinity(0))
    when = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    load = os.getloadavg()[0]
    return (f"{when} · {cores} × {model} · Linux {platform.release()} · after commit {commit or 'unknown'} · "
            f"load average at the start {load:.2f}")


def resident_bytes(pid):
    """What a process has in memory."""
    return int(re.search(r"^Rss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[1]) * 1024


def replace_block(text_of_document, name, text):
    """The document with `text` between its <!-- measured: name --> and the next <!-- /measured -->."""
    begin, end = f"<!-- measured: {name} -->\n", "<!-- /measured -->"
    before, found, rest = text_of_document.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        sys.exit(f"the document has no block '{begin.strip()}' to put the figures into")
    return before + begin + text + end + after


def publish(name, text, document=DOCUMENT):
    """Puts the figures into their block of docs/performance.md, or of another document."""
    document.write_text(replace_block(document.read_text(), name, text))
