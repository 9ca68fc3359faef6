"""What the measuring scripts share: where things are, ports, processors, and how figures are told."""

import os
import shutil
import socket
import statistics
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UDPRAW = os.environ.get("UDPRAW", os.path.join(ROOT, "target/release/udpraw"))
HOST = "127.0.0.1"


def build():
    """The release build, unless the environment names a binary."""
    if "UDPRAW" not in os.environ:
        subprocess.run(["cargo", "build", "--release", "--quiet"], check=True, cwd=ROOT)


def compile_c(source, place, *flags):
    """A program of the repository's, by its path there; optimized."""
    binary = os.path.join(place, os.path.basename(source) + ".out")
    subprocess.run(["gcc", "-O2", *flags, "-o", binary, os.path.join(ROOT, source)], check=True)
    return binary


def pinned(cpu):
    """Words that keep a command on a CPU, where there is more than one."""
    return ["taskset", "-c", str(cpu)] if os.cpu_count() > 1 and shutil.which("taskset") else []


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((HOST, 0))
        return str(probe.getsockname()[1])


def wait_bound(port, kind="udp", seconds=5):
    """Until somebody has bound the port (udp), or listens on it (tcp)."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for table in (kind, kind + "6"):
            with open(f"/proc/net/{table}", encoding="ascii") as lines:
                for words in (line.split() for line in lines):
                    if words[1].endswith(f":{int(port):04X}") and (kind == "udp" or words[3] == "0A"):
                        return
        time.sleep(0.01)
    raise RuntimeError(f"nobody bound port {port}")


def install(packages):
    """By apt-get, those whose programs are missing."""
    missing = [package for program, package in packages.items() if not shutil.which(program)]
    if missing:
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *missing]):
            subprocess.run(["apt-get", *words], check=True, env=environment, stdout=subprocess.DEVNULL)


def installed(programs):
    """Which of the programs are there."""
    return {program: bool(shutil.which(program)) for program in programs}


def wall(*words):
    """Seconds that a command takes."""
    start = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def spread(values, digits, unit=""):
    """The median, the least and the most."""
    return (f"{statistics.median(values):.{digits}f}{unit} ({min(values):.{digits}f} to"
            f" {max(values):.{digits}f})")


def machine():
    return f"Linux {os.uname().release}, {os.cpu_count()} CPUs"
