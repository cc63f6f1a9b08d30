# SPDX-License-Identifier: MIT
"""Fibers in gdb, of a living process or a core file:

    info fibers [LIMIT]              all of them: state, wait reason, age, where they were started
    fiber N [COMMAND]                runs a gdb command as if fiber N were the thread; bt if there is none
    fiber apply all|N... [COMMAND]   the same for many

Every program that uses sluice's runtime carries this script; docs/debugging.md says how gdb is allowed to load it. It reads
memory and nothing else: it neither calls into the program nor writes to it.
"""
import re
import struct
import time

import gdb
import gdb.unwinder

VERSION = 1
FIELDS = ("version running_scheduler reasons reason_count slabs slab_count fibers_per_slab fiber_bytes id context wait_word "
          "is_on_stack reason since_ns started_at stack_low stack_bytes waiting_bit saved_pc saved_frame saved_end").split()
LIMIT = 200
REGISTERS = {"i386:x86-64": ("rip", "rsp", "rbp"), "aarch64": ("pc", "sp", "x29")}


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def word(data, at):
    return struct.unpack_from("<Q", data, at)[0]


def text_at(address):
    text = b""
    while b"\0" not in text:
        text += read(address + len(text), 16)
    return text.split(b"\0")[0].decode(errors="replace")


class Layout:
    """The table sluice_fiber_layout of the program (sluice/runtime/internal/debug_layout.cpp)."""

    def __init__(self):
        try:
            address = int(gdb.parse_and_eval("(unsigned long)&sluice_fiber_layout"))
        except gdb.error:
            raise gdb.GdbError("This program does not use sluice's runtime, or its symbols were stripped.")
        values = struct.unpack(f"<{len(FIELDS)}Q", read(address, 8 * len(FIELDS)))
        self.__dict__.update(zip(FIELDS, values))
        if self.version != VERSION:
            raise gdb.GdbError(f"This script knows version {VERSION} of the layout, the program has {self.version}.")
        table = read(self.reasons, 8 * self.reason_count)
        self.reason_texts = [text_at(word(table, 8 * i)) for i in range(self.reason_count)]


class Fiber:
    def __init__(self, layout, block):
        self.layout = layout
        for name in ("id", "context", "wait_word", "since_ns", "started_at", "stack_low", "stack_bytes"):
            setattr(self, name, word(block, getattr(layout, name)))
        self.is_on_stack = block[layout.is_on_stack] != 0
        self.reason = layout.reason_texts[min(block[layout.reason], layout.reason_count - 1)]
        self.thread = None  # gdb's, if it runs

    def state(self):
        if self.thread is not None:
            return f"running on thread {self.thread.num}"
        if self.is_on_stack:
            return "running"
        if self.stack_low == 0:
            return "new"
        return self.reason if self.wait_word & self.layout.waiting_bit else "runnable"

    def origin(self):
        where = read(self.started_at, 20)
        file, function, line = struct.unpack("<QQI", where)
        return f"{text_at(file)}:{line} in {text_at(function)}"

    def saved_registers(self):
        """pc, stack pointer, frame pointer."""
        saved = read(self.context, self.layout.saved_end)
        return word(saved, self.layout.saved_pc), self.context + self.layout.saved_end, word(saved, self.layout.saved_frame)


def all_fibers():
    layout = Layout()
    scheduler = word(read(layout.running_scheduler, 8), 0)
    if scheduler == 0:
        raise gdb.GdbError("No runtime is running.")
    fibers = []
    count = word(read(scheduler + layout.slab_count, 8), 0)
    slabs = read(scheduler + layout.slabs, 8 * count)
    for i in range(count):
        slab = read(word(slabs, 8 * i), layout.fibers_per_slab * layout.fiber_bytes)
        for at in range(0, len(slab), layout.fiber_bytes):
            if word(slab, at + layout.id) != 0:
                fibers.append(Fiber(layout, slab[at:at + layout.fiber_bytes]))
    find_threads(fibers)
    return sorted(fibers, key=lambda fiber: fiber.id)


def find_threads(fibers):
    """A thread runs the fiber on whose stack one of its innermost frames lies (a signal handler has a stack of its own)."""
    running = [fiber for fiber in fibers if fiber.is_on_stack and fiber.stack_low != 0]
    if not running:
        return
    with KeptSelection():
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            frame = gdb.newest_frame()
            for _ in range(32):
                if frame is None or not frame.is_valid():
                    break
                pointer = int(frame.read_register(registers(frame.architecture())[1]))
                for fiber in running:
                    if fiber.stack_low <= pointer < fiber.stack_low + fiber.stack_bytes:
                        fiber.thread = thread
                if any(fiber.thread is thread for fiber in running):
                    break
                frame = frame.older()


def registers(architecture):
    if architecture.name() not in REGISTERS:
        raise gdb.GdbError(f"Fibers on {architecture.name()} are unknown to this script.")
    return REGISTERS[architecture.name()]


def age(since_ns, now_ns):
    seconds = max(now_ns - since_ns, 0) / 1e9
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds * 1000:.0f} ms"


def now(fibers):
    """The process' clock; of a core file, whose clock has stopped, when a fiber last gave a sign of life."""
    target = gdb.selected_inferior().connection
    if target is not None and target.type == "native":
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    return max((fiber.since_ns for fiber in fibers), default=0)


class KeptSelection:
    """Thread and frame are as before afterwards."""

    def __enter__(self):
        self.thread, self.frame = gdb.selected_thread(), gdb.selected_frame()

    def __exit__(self, *_):
        self.thread.switch()
        if self.frame.is_valid():
            self.frame.select()


class Detour(gdb.unwinder.Unwinder):
    """Makes gdb believe that the innermost function of the selected thread was called by a parked fiber. So gdb unwinds the
    fiber's stack with all it knows, and no register has to be written, which a core file would not take."""

    def __init__(self):
        super().__init__("sluice fibers")
        self.target = None

    def __call__(self, pending):
        if self.target is None:
            return None
        pc_name, sp_name, frame_name = registers(pending.architecture())
        here = int(pending.read_register(pc_name)), int(pending.read_register(sp_name))
        if here != self.innermost:
            return None
        pc, stack, frame = self.target.saved_registers()
        # Below the fiber's frames, or gdb takes the stack for a broken one.
        info = pending.create_unwind_info(FrameId(gdb.Value(self.target.context), gdb.Value(pc)))
        for name, value in ((pc_name, pc), (sp_name, stack), (frame_name, frame)):
            info.add_saved_register(name, gdb.Value(value).cast(pending.read_register(name).type))
        return info

    def __enter__(self):
        self.kept = KeptSelection()
        self.kept.__enter__()
        frame = gdb.newest_frame()
        pc_name, sp_name, _ = registers(frame.architecture())
        self.innermost = int(frame.read_register(pc_name)), int(frame.read_register(sp_name))
        return self

    def lead_to(self, fiber):
        """Selects the fiber's innermost frame; how many frames lie before it."""
        self.target = fiber
        gdb.invalidate_cached_frames()
        frame, level = gdb.newest_frame(), 1
        while frame.type() == gdb.INLINE_FRAME:
            frame, level = frame.older(), level + 1
        frame.older().select()
        return level

    def __exit__(self, *_):
        self.target = None
        gdb.invalidate_cached_frames()
        self.kept.thread.switch()


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


DETOUR = Detour()
gdb.unwinder.register_unwinder(None, DETOUR, replace=True)


def is_backtrace(command):
    return re.match(r"(bt|backtrace|where)\b", command) is not None


def backtrace(command, skipped):
    """gdb's own, without the frames from which the detour begins."""
    command = re.sub(r"(?<= )\d+$", lambda limit: str(int(limit[0]) + skipped), command)
    is_shown = False
    for line in gdb.execute(command, to_string=True).splitlines():
        if number := re.match(r"#(\d+) *", line):
            is_shown = int(number[1]) >= skipped
            line = f"#{int(number[1]) - skipped:<3}{line[number.end():]}"
        if is_shown:  # with what follows a frame: a message, or the locals of `bt full`
            print(line)


def run_in(fiber, command):
    if fiber.thread is not None:
        with KeptSelection():
            fiber.thread.switch()
            gdb.execute(command)
    elif fiber.stack_low == 0 or fiber.is_on_stack:
        print("It has no stack yet." if fiber.stack_low == 0 else "It is leaving its stack.")
    else:
        with DETOUR:
            skipped = DETOUR.lead_to(fiber)
            backtrace(command, skipped) if is_backtrace(command) else gdb.execute(command)


def headline(fiber, now_ns):
    return f"fiber {fiber.id}: {fiber.state()} for {age(fiber.since_ns, now_ns)}, started at {fiber.origin()}"


class InfoFibers(gdb.Command):
    """All fibers of a sluice program: info fibers [LIMIT]"""

    def __init__(self):
        super().__init__("info fibers", gdb.COMMAND_STATUS)

    def invoke(self, argument, _):
        limit = int(argument) if argument.strip() else LIMIT
        fibers = all_fibers()
        now_ns = now(fibers)
        for fiber in fibers[:limit]:
            print(headline(fiber, now_ns))
        if len(fibers) > limit:
            print(f"and {len(fibers) - limit} more (info fibers {len(fibers)})")


class FiberCommand(gdb.Command):
    """Runs a command in a fiber of a sluice program: fiber N [COMMAND], fiber apply all|N... [COMMAND]"""

    def __init__(self):
        super().__init__("fiber", gdb.COMMAND_STACK)

    def invoke(self, argument, _):
        several = argument.startswith("apply ")
        words = argument.split()[1 if several else 0:]
        count = next((i for i, each in enumerate(words) if not each.isdigit()), len(words))
        if words and words[0] == "all" and several:
            wanted, command = None, words[1:]
        elif count > 0:
            count = count if several else 1
            wanted, command = [int(each) for each in words[:count]], words[count:]
        else:
            raise gdb.GdbError("fiber N [COMMAND], or fiber apply all|N... [COMMAND]")
        fibers = all_fibers()
        now_ns = now(fibers)
        found = [fiber for fiber in fibers if wanted is None or fiber.id in wanted]
        if wanted is not None and len(found) < len(set(wanted)):
            raise gdb.GdbError("There is no such fiber; info fibers lists them.")
        for fiber in found:
            if several:
                print("\n" + headline(fiber, now_ns))
            run_in(fiber, " ".join(command) or "bt")


InfoFibers()
FiberCommand()
