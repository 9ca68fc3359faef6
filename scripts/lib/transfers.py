"""Transfers by udpraw and by others, each in one call: what scripts/compare-transfer compares."""

import hashlib
import json
import os
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections import deque

from programs import Program, address

import measuring
from measuring import HOST, ROOT, UDPRAW, free_port, wait_bound

QUINN = os.path.join(ROOT, "benches/peers/quinn/target/release/quinn-peer")
BLOCK = 1 << 20
RECEIVER, SENDER = 0, 1
KEYED, OPEN = True, False
DELAY = 0.01


class Ends:
    """Starts both ends; with `pin`, each on a CPU of its own."""

    def __init__(self, pin):
        self.pin = pin

    def program(self, cpu, *words, **more):
        return Program(*(measuring.pinned(cpu) if self.pin else []), *words, **more)

    def recv(self, *words, is_keyed=KEYED):
        return self.program(RECEIVER, UDPRAW, "recv", "--bind", HOST, "--port", "0", "--json", "--overwrite",
                            *([] if is_keyed else ["--open"]), *words)

    def send(self, place, code, *words):
        """`code` is that of the receiver's first record; without one, the transfer is open."""
        environment = dict(os.environ, **({"UDPRAW_CODE": code} if code else {}))
        return self.program(SENDER, UDPRAW, "send", HOST, *words, "--port", port_of(place), "--json",
                            *([] if code else ["--open"]), env=environment)

    def udpraw(self, source, target, is_keyed, max_datagram, between=None):
        """Megabits per second from file to file, as the sender reports it."""
        limit = [] if max_datagram is None else ["--max-datagram", str(max_datagram)]
        with self.recv("-o", target, is_keyed=is_keyed) as receiver:
            listening = receiver.event("listening")
            place = address(listening)
            with self.send(place, listening.get("code"), source, *limit) as sender:
                done = sender.event("done")
                sender.finish()
            receiver.finish()
        return goodput(done, source)

    def udpraw_lossy(self, source, target, seed, impairments, control):
        """Megabits per second through a relay, and the bytes of acknowledgements for each of data."""
        choice = [] if control is None else ["--congestion", control]
        with self.recv("-o", target) as receiver:
            listening = receiver.event("listening")
            with relay(address(listening), seed, *impairments) as between:
                there = address(between.event("listening"))
                with self.send(there, listening["code"], source, "--max-datagram", "1400", *choice) as sender:
                    done = sender.event("done")
                    sender.finish()
                receiver.finish()
        acknowledged = done.get("acknowledgement_bytes")
        share = None if acknowledged is None else acknowledged / os.path.getsize(source)
        return goodput(done, source), share

    def udpraw_file(self, source, target, is_keyed):
        with self.recv("-o", target, is_keyed=is_keyed) as receiver:
            listening = receiver.event("listening")
            start = time.perf_counter()
            with self.send(address(listening), listening.get("code"), source) as sender:
                sender.finish()
                receiver.finish()
            return rate(source, start)

    def udpraw_tree(self, folder, into, seed):
        """Seconds for a folder through a relay."""
        with self.recv("--into", into, "--count", "1") as receiver:
            listening = receiver.event("listening")
            with relay(address(listening), seed, "--delay", f"{DELAY * 1e3:g}ms") as between:
                there = address(between.event("listening"))
                start = time.perf_counter()
                with self.send(there, listening["code"], folder) as sender:
                    sender.finish()
                    receiver.finish()
                return time.perf_counter() - start

    def two_at_once(self, sources, into, seed):
        """Seconds of each of two transfers through a relay of 50 Mbit/s, in order."""
        with self.recv("--into", into, "--count", "2") as receiver:
            listening = receiver.event("listening")
            with relay(address(listening), seed, "--rate", "50Mbit", "--delay", "10ms") as between:
                there, code = address(between.event("listening")), listening["code"]
                with self.send(there, code, sources[0]) as one, self.send(there, code, sources[1]) as other:
                    both = sorted(side.event("done")["elapsed_ns"] / 1e9 for side in (one, other))
                # While the relay is there: its delay holds the senders' last datagrams.
                receiver.finish()
        return both

    def quinn(self, count, max_datagram, seed=None, impairments=()):
        limit = [] if max_datagram is None else ["--mtu", str(max_datagram)]
        with self.program(RECEIVER, QUINN, "recv", "--listen", f"{HOST}:0") as receiver:
            place = address(receiver.event("listening"))
            if seed is None:
                return self.quinn_to(place, count, receiver, limit)
            with relay(place, seed, *impairments) as between:
                return self.quinn_to(address(between.event("listening")), count, receiver, limit)

    def quinn_to(self, place, count, receiver, limit):
        with self.program(SENDER, QUINN, "send", "--to", place, "--bytes", str(count), *limit) as sender:
            done = sender.event("done")
            sender.finish()
        if receiver.event("done")["bytes"] != count:
            raise RuntimeError("quinn received less than was sent")
        receiver.finish()
        return done["goodput_mbit_per_second"]

    def iperf3(self, count):
        port = free_port(socket.SOCK_STREAM)
        with self.program(RECEIVER, "iperf3", "-s", "-1", "-B", HOST, "-p", port,
                          stdout=subprocess.DEVNULL) as server:
            wait_bound(port, "tcp")
            with self.program(SENDER, "iperf3", "-c", HOST, "-p", port, "-n", str(count), "-J") as client:
                result = json.loads(client.finish())
            server.finish()
        return result["end"]["sum_received"]["bits_per_second"] / 1e6

    def socat_file(self, source, target):
        port = free_port(socket.SOCK_STREAM)
        # With its own 8 KiB at a time it would be several times slower.
        with self.program(RECEIVER, "socat", "-u", "-b", str(BLOCK), f"TCP4-LISTEN:{port},bind={HOST},reuseaddr",
                          f"OPEN:{target},creat,trunc,wronly") as receiver:
            wait_bound(port, "tcp")
            start = time.perf_counter()
            with self.program(SENDER, "socat", "-u", "-b", str(BLOCK), f"OPEN:{source},rdonly",
                              f"TCP4:{HOST}:{port}") as sender:
                sender.finish()
                receiver.finish()
            return rate(source, start)

    def croc_file(self, source, target):
        """By a relay of its own on this machine; nothing leaves it."""
        ports = ",".join(free_port(socket.SOCK_STREAM) for _ in range(5))
        words = ["croc", "--relay", f"{HOST}:{ports.split(',')[0]}", "--pass", "local", "--yes", "--overwrite"]
        code = f"{os.getpid()}-compare-transfer-speed"
        environment = dict(os.environ, CROC_SECRET=code)
        with Program("croc", "--pass", "local", "relay", "--host", HOST, "--ports", ports):
            wait_bound(ports.split(",")[0], "tcp")
            into = tempfile.mkdtemp(dir=os.path.dirname(target))
            start = time.perf_counter()
            with self.program(SENDER, *words, "send", "--no-local", source, env=environment) as sender:
                with self.program(RECEIVER, *words, "--out", into, env=environment) as receiver:
                    receiver.finish()
                sender.finish()
            took = rate(source, start)
        os.replace(os.path.join(into, os.path.basename(source)), target)
        os.rmdir(into)
        return took

    def tar_tree(self, folder, into, _seed):
        """Seconds for a folder by tar over TCP through a proxy that delays as the relay does."""
        port = free_port(socket.SOCK_STREAM)
        with self.program(RECEIVER, "socat", "-u", "-b", str(BLOCK), f"TCP4-LISTEN:{port},bind={HOST},reuseaddr",
                          f"EXEC:tar -x -C {into}") as receiver:
            wait_bound(port, "tcp")
            with DelayedTcp(int(port)) as proxy:
                start = time.perf_counter()
                parent, name = os.path.split(folder)
                tar = subprocess.Popen(["tar", "-c", "-C", parent, name], stdout=subprocess.PIPE)
                with self.program(SENDER, "socat", "-u", "-b", str(BLOCK), "STDIN", f"TCP4:{HOST}:{proxy.port}",
                                  stdin=tar.stdout) as sender:
                    tar.stdout.close()
                    sender.finish()
                    receiver.finish()
                if tar.wait():
                    raise RuntimeError(f"tar ended with {tar.returncode}")
                return time.perf_counter() - start


def port_of(place):
    return place.rsplit(":", 1)[1]


def relay(target, seed, *impairments):
    return Program(UDPRAW, "relay", "--listen", f"{HOST}:0", "--to", target, "--seed", str(seed),
                   "--json", *impairments)


def goodput(done, source):
    if done["bytes"] != os.path.getsize(source):
        raise RuntimeError(f"{done['bytes']} bytes were sent of {os.path.getsize(source)}")
    return done["goodput_bits_per_second"] / 1e6


def rate(source, start):
    """Megabits per second of a file since `start`."""
    return os.path.getsize(source) * 8 / 1e6 / (time.perf_counter() - start)


class SshServer:
    """An sshd on loopback with keys of its own, for scp."""

    def __enter__(self):
        self.place = tempfile.mkdtemp()
        self.port = free_port(socket.SOCK_STREAM)
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path(name)], check=True)
        shutil.copy(self.path("user.pub"), self.path("authorized"))
        os.makedirs("/run/sshd", exist_ok=True)
        options = {"HostKey": self.path("host"), "AuthorizedKeysFile": self.path("authorized"), "UsePAM": "no",
                   "ListenAddress": f"{HOST}:{self.port}", "StrictModes": "no", "PidFile": "none",
                   "Subsystem": "sftp internal-sftp", "PermitRootLogin": "prohibit-password"}
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        self.server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", *words],
                                       stderr=subprocess.DEVNULL)
        wait_bound(self.port, "tcp")
        return self

    def __exit__(self, *_):
        self.server.kill()
        self.server.wait()
        shutil.rmtree(self.place)

    def path(self, name):
        return os.path.join(self.place, name)

    def scp(self, source, target):
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes")
        start = time.perf_counter()
        subprocess.run(["scp", "-q", "-F", "none", "-P", self.port, "-i", self.path("user"),
                        *(word for option in options for word in ("-o", option)), source, f"{HOST}:{target}"],
                       check=True, stdin=subprocess.DEVNULL)
        return rate(source, start)


class DelayedTcp:
    """A TCP proxy for one connection that holds each byte for `DELAY`, in each direction."""

    LIMIT = 64 << 20

    def __init__(self, target):
        self.target = target

    def __enter__(self):
        self.sockets = []
        self.listener = socket.create_server((HOST, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        for each in (self.listener, *self.sockets):
            each.close()

    def accept(self):
        try:
            near, _ = self.listener.accept()
            far = socket.create_connection((HOST, self.target))
        except OSError:
            return  # closed before anybody came, or nobody listens: both ends report it
        self.sockets = [near, far]
        for pair in ((near, far), (far, near)):
            threading.Thread(target=self.forward, args=pair, daemon=True).start()

    @classmethod
    def forward(cls, source, target):
        held, size, is_over = deque(), 0, False
        try:
            while held or not is_over:
                wait = max(0, held[0][0] - time.monotonic()) if held else None
                wants = [] if is_over or size > cls.LIMIT else [source]
                if select.select(wants, [], [], wait)[0]:
                    piece = source.recv(BLOCK)
                    is_over = not piece
                    held.append((time.monotonic() + DELAY, piece))
                    size += len(piece)
                while held and held[0][0] <= time.monotonic():
                    piece = held.popleft()[1]
                    size -= len(piece)
                    if piece:
                        target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except (OSError, ValueError):
            pass  # closed meanwhile


def make_tree(folder, count):
    """`count` files of 1,024 bytes in folders of 1,000; returns the digest of them all."""
    for number in range(count):
        place = os.path.join(folder, f"{number // 1000:04}")
        if number % 1000 == 0:
            os.makedirs(place)
        with open(os.path.join(place, f"{number % 1000:03}.bin"), "wb") as file:
            file.write(os.urandom(1024))
    return tree_digest(folder)


def tree_digest(folder):
    """Of the names and the contents of all files."""
    found = hashlib.sha256()
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(place, name)
            found.update(os.path.relpath(path, folder).encode() + b"\0")
            with open(path, "rb") as file:
                found.update(file.read())
    return found.hexdigest()
