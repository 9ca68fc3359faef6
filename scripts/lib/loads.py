"""Loads by udpraw and by others, each in one call: what scripts/compare-load compares."""

import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import tempfile
import time

from programs import Program, address

import measuring
from measuring import HOST, UDPRAW, free_port, wait_bound

SERVER, CLIENT = 0, 1
CONTROL = 272  # the bytes of a datagram that controls a session (src/protocol/load/wire.rs)
SIZE = 64


def ended(program):
    """Interrupts a program of ours, and gives what it still had to say."""
    program.process.send_signal(2)
    return program.finish()


class Ends:
    """Starts the two sides of a load; with `pin`, each on a CPU of its own."""

    def __init__(self, pin):
        self.pin = pin

    def words(self, cpu, *words):
        return [*(measuring.pinned(cpu) if self.pin else []), *words]

    def program(self, cpu, *words, **more):
        return Program(*self.words(cpu, *words), **more)

    @contextlib.contextmanager
    def server(self, *words):
        """A server of ours: the program, and where it listens."""
        line = (UDPRAW, "server", "--host", HOST, "--port", "0", "--json", "--quiet", "--io", "offload", *words)
        with self.program(SERVER, *line) as server:
            yield server, address(server.event("listening"))

    def load(self, target, *words, seconds=120):
        """The result of a load, as its last record tells it."""
        with self.start_load(target, *words, seconds=seconds) as running:
            return running.event("result")

    def start_load(self, target, *words, seconds=120):
        line = (UDPRAW, "load", target, "--json", "--quiet", *words)
        return self.program(CLIENT, *line, seconds=seconds)

    def text(self, target, *words):
        """What a load prints for people."""
        line = self.words(CLIENT, UDPRAW, "load", target, "--quiet", *words)
        done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=True)
        return done.stdout + done.stderr

    def stalled(self, seconds, stall, *words):
        """A load whose server stands still in the middle; the result, and for how long it stood."""
        with self.server("--reply", "echo") as (server, target):
            with self.start_load(target, "--for", f"{seconds}s", *words, "--linger", "3s") as running:
                time.sleep(seconds / 2)
                pid = server.process.pid
                begun = time.monotonic()
                os.kill(pid, 19)
                try:
                    time.sleep(max(0, begun + stall - time.monotonic()))
                finally:
                    os.kill(pid, 18)
                stood = time.monotonic() - begun
                return running.event("result"), stood

    # Others.

    def irtt(self, rate, seconds, between=None, timer="comp"):
        """Its statistics at that rate."""
        port = free_port()
        with self.program(SERVER, "irtt", "server", "-i", "0", "-d", "0", "-b", f"{HOST}:{port}",
                          stdout=subprocess.DEVNULL):
            wait_bound(port)
            with on_the_way(f"{HOST}:{port}", between) as there:
                line = self.words(CLIENT, "irtt", "client", "-i", f"{1e9 / rate:.0f}ns", "-d", f"{seconds}s", "-Q",
                                  "-l", str(SIZE), f"--timer={timer}", "-o", "-", there)
                done = subprocess.run(line, capture_output=True, text=True, timeout=seconds + 60, check=False)
        try:
            return json.loads(done.stdout)["stats"]
        except (ValueError, KeyError):
            raise RuntimeError(f"irtt: {done.stderr.strip()[-300:] or 'no statistics'}") from None

    def sockperf(self, rate, seconds, between=None):
        """The median round trip under load, in nanoseconds."""
        port = free_port()
        with self.program(SERVER, "sockperf", "server", "-i", HOST, "-p", port, stdout=subprocess.DEVNULL):
            wait_bound(port)
            with on_the_way(f"{HOST}:{port}", between) as there:
                host, port = there.rsplit(":", 1)
                line = self.words(CLIENT, "sockperf", "under-load", "-i", host, "-p", port, "--mps", str(rate), "-t",
                                  str(seconds), "-m", str(SIZE), "--full-rtt", "--reply-every", "1", "--no-rdtsc")
                done = subprocess.run(line, capture_output=True, text=True, timeout=seconds + 60, check=False)
        found = re.search(r"percentile 50\.000 = +([\d.]+)", done.stdout)
        if not found:
            raise RuntimeError(f"sockperf: {(done.stdout + done.stderr).strip()[-300:]}")
        return float(found.group(1)) * 1e3

    def median(self, rate, seconds, between=None, timestamps="kernel"):
        """Ours, from when a datagram was sent, as the others count, in nanoseconds."""
        with self.server("--reply", "echo") as (_, target), on_the_way(target, between) as there:
            words = ("--rate", f"{rate}pps", "--for", f"{seconds}s", "--timestamps", timestamps)
            return self.load(there, *words)["rtt"]["p50_ns"]

    def gaps(self, tool, rate, seconds, who):
        """What `who` (gaps.c) says of the gaps of udpraw or iperf3."""
        if who == "udpraw":
            with self.server("--allow-load", "--max-load-rate", f"{2 * rate}pps") as (_, target):
                with self.watcher(tool, target, rate) as watcher:
                    self.load(target, "--one-way", "--rate", f"{rate}pps", "--for", f"{seconds}s")
                    return watcher.event("gaps")
        port = free_port(socket.SOCK_STREAM)
        with self.program(SERVER, "iperf3", "-s", "-1", "-B", HOST, "-p", port, stdout=subprocess.DEVNULL):
            wait_bound(port, "tcp")
            with self.watcher(tool, f"{HOST}:{port}", rate) as watcher:
                line = self.words(CLIENT, "iperf3", "-c", HOST, "-p", port, "-u", "-l", str(SIZE), "-b",
                                  str(rate * SIZE * 8), "-t", str(seconds))
                subprocess.run(line, check=True, timeout=seconds + 60, stdout=subprocess.DEVNULL)
                return watcher.event("gaps")

    @contextlib.contextmanager
    def watcher(self, tool, target, rate):
        port = target.rsplit(":", 1)[1]
        with self.program(SERVER, tool, port, str(SIZE), str(rate)) as watcher:
            if (said := watcher.lines.get(timeout=10)) != "ready\n":
                raise watcher.failure(f"said {said!r}")
            yield watcher

    def bench_echo(self, outstanding, seconds, target=None):
        """Round trips per second of udpraw bench, with its own echo or with a server's."""
        cpus = ["--cpus", f"{CLIENT},{SERVER}"] if self.pin and target is None and os.cpu_count() > 1 else []
        line = [UDPRAW, "bench", *([target] if target else []), "--json", "--only", "echo", "--io", "offload", "--size",
                str(SIZE), "--outstanding", str(outstanding), "--trials", "1", "--time", f"{seconds}s", *cpus]
        done = subprocess.run(self.words(CLIENT, *line) if target else line, capture_output=True, text=True,
                              timeout=seconds + 60, check=True)
        records = [json.loads(text) for text in done.stdout.splitlines()]
        return next(one["received"] / one["elapsed_ns"] * 1e9 for one in records if one["event"] == "trial")

    def load_echo(self, outstanding, seconds, target):
        result = self.load(target, "--closed", str(outstanding), "--for", f"{seconds}s", "--io", "offload")
        if result["latency"]["count"] != result["round_trip"]["arrived"]:
            raise RuntimeError("the histogram has not all round trips")
        return result["round_trip"]["arrived"] / result["elapsed_ns"] * 1e9


def relay(to, *impairments):
    return Program(UDPRAW, "relay", "--json", "--listen", f"{HOST}:0", "--to", to, *impairments)


@contextlib.contextmanager
def on_the_way(target, impairments):
    """Where to send to: through a relay, if there are impairments."""
    if impairments is None:
        yield target
        return
    with relay(target, *impairments) as between:
        yield address(between.event("listening"))


class Oracle:
    """A relay whose log says what became of each datagram."""

    def __init__(self, to, seed, *impairments):
        self.folder = tempfile.TemporaryDirectory()
        self.log = os.path.join(self.folder.name, "log")
        self.program = relay(to, "--seed", str(seed), "--log", self.log, "--max-flows", "4096", *impairments)
        self.place = address(self.program.event("listening"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.__exit__()
        self.folder.cleanup()

    def end(self):
        """What it logged of each direction, by the clients' addresses: sent, lost, copies, reordered."""
        clients = {}
        for line in ended(self.program).splitlines():
            record = json.loads(line)
            if record["event"] in ("opened", "closed"):
                clients[record["flow"]] = record["client"]["address"]
        flows = {}
        with open(self.log, encoding="ascii") as lines:
            for line in lines:
                record = json.loads(line)
                # What controls a session is none of its load, but is reordered with it.
                if record["bytes"] != CONTROL:
                    flows.setdefault((clients[record["flow"]], record["direction"], record["flow"]), []).append(record)
        books = {}
        for (client, way, _), records in flows.items():
            book = books.setdefault((client, way), [0, 0, 0, 0])
            for index, figure in enumerate(figures(records)):
                book[index] += figure
        return books


def figures(records):
    """What became of one flow's datagrams in one direction, by the log alone."""
    arrivals, lost, copies = [], 0, 0
    for record in records:
        if record["outcome"] != "passes":
            lost += 1
            continue
        copy = record.get("duplicate_delay_ns")
        copies += copy is not None
        for delay in (record["delay_ns"], copy):
            if delay is not None:
                arrivals.append((record["elapsed_ns"] + delay, record["number"]))
    # RFC 4737: a datagram is reordered if one with a greater number came before it; copies do not count.
    greatest, reordered, seen = -1, 0, set()
    for _, number in sorted(arrivals):
        if number not in seen:
            seen.add(number)
            reordered += number < greatest
            greatest = max(greatest, number)
    return [len(records), lost, copies, reordered]


def measured(stream):
    return [stream[name] for name in ("sent", "lost", "duplicates", "reordered")]


def imbalance(result):
    """Why the books of a result do not balance; None if they do."""
    for way in ("round_trip", "up", "down"):
        if stream := result.get(way):
            if stream["scheduled"] != stream["sent"] + stream["send_errors"] + stream["unsent"]:
                return f"{way}: scheduled {stream['scheduled']}, {stream['sent']} sent"
            if stream["sent"] != stream["arrived"] + stream["lost"] + stream["in_flight"]:
                return f"{way}: {stream['sent']} sent, {stream['arrived']} arrived, {stream['lost']} lost"
    return None


def highest(holds, start=1000, most=16_000_000):
    """The highest rate that holds in one of two trials: doubled until it does not, then halved to 5 %."""
    def held(rate):
        return holds(rate) or holds(rate)

    low, high = 0, start
    while high <= most and held(high):
        low, high = high, high * 2
    while low and high - low > low * 0.05:
        middle = (low + high) // 2
        if held(middle):
            low = middle
        else:
            high = middle
    return low


def resident(pid):
    """Bytes that a process has in memory."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def middle(values):
    return statistics.median(values) if values else None
