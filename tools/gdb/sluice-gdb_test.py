# SPDX-License-Identifier: MIT
"""Run by gdb: looks at some_fibers as a process, has the kernel write a core file, and looks at that.

Not gdb's own generate-core-file: gdb 13 reads a mapping in pieces of a megabyte, and leaves a piece out altogether if it has
a guard page (MADV_GUARD_INSTALL) in it."""
import glob
import os
import re
import resource
import tempfile

import gdb


def expect(text, *patterns):
    for pattern in patterns:
        if not re.search(pattern, text, re.MULTILINE | re.DOTALL):
            raise gdb.error(f"nothing like\n    {pattern}\nin\n{text}")


def run(command):
    return gdb.execute(command, to_string=True)


def fiber_like(listing, pattern):
    found = re.search(rf"^fiber (\d+): {pattern}", listing, re.MULTILINE)
    if not found:
        expect(listing, rf"^fiber (\d+): {pattern}")
    return found[1]


def look():
    before = run("info registers") + run("bt")
    listing = run("info fibers")
    if len(re.findall("^fiber ", listing, re.MULTILINE)) != 7:
        expect(listing, "seven fibers")
    expect(listing, r"receiving from a channel for [\d.]+ \w+, started at \S*some_fibers.cpp:\d+ in main")
    letter = fiber_like(listing, "receiving from a channel")
    expect(run(f"fiber {letter}"), r"\A#0  ", r"in .*wait_for_a_letter.*in .*open_the_letter.*sluice_fiber_entry")
    expect(run(f"fiber {letter} bt 1"), r"\A#0  [^#]*\Z")
    expect(run(f"fiber {letter} info symbol $pc"), r"sluice::")
    expect(run(f"fiber {fiber_like(listing, 'sleeping')}"), r"sluice::sleep")
    expect(run(f"fiber {fiber_like(listing, 'new')}"), r"It has no stack yet")
    running = re.findall(r"^fiber (\d+): running on thread \d+", listing, re.MULTILINE)
    stacks = run("fiber apply " + " ".join(running))
    expect(stacks, "count_sheep", "everything_is_in_place")
    expect(run("fiber apply all bt"), *[f"^fiber {i}: " for i in re.findall(r"^fiber (\d+)", listing, re.MULTILINE)])
    expect(run("info fibers 2"), "and 5 more")
    for wrong in ("fiber", "fiber x", "fiber 123456789", "fiber apply"):
        try:
            text = run(wrong)
        except gdb.error:
            continue
        expect(text, f"an error for {wrong}")
    if run("info registers") + run("bt") != before:
        expect("the thread has changed", "nothing changes")


def write_core(folder):
    """The core file; None if this system puts it elsewhere."""
    gdb.execute("signal SIGABRT")
    files = glob.glob(os.path.join(folder, "core*"))
    return files[0] if files else None


def main(folder):
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
    gdb.execute(f"set cwd {folder}")
    gdb.execute("set pagination off")
    gdb.execute("set confirm off")
    gdb.execute("set debuginfod enabled off")
    gdb.execute("break everything_is_in_place")
    try:
        gdb.execute("run")
    except gdb.error as error:
        if "ptrace" in str(error) or "not permitted" in str(error):
            print("NOT TESTED: this process may not trace another one")
            gdb.execute("quit 77")
        raise
    look()
    print("as a process: fibers are found, with their stacks")
    core = write_core(folder)
    if core is None:
        print("CORE FILE NOT TESTED: /proc/sys/kernel/core_pattern puts it elsewhere, or ulimit -c forbids it")
        return
    gdb.execute(f"core-file {core}")
    look()
    print("as a core file: the same")


with tempfile.TemporaryDirectory() as scratch:
    try:
        main(scratch)
        failure = None
    except gdb.error as error:
        failure = error
if failure is not None:
    print(f"failed: {failure}")
    gdb.execute("quit 1")
