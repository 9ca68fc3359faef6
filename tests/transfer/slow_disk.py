"""Runs a command that sees a folder through a slow file system: slow_disk.py FOLDER BACKING DELAY COMMAND...

FOLDER shows the contents of BACKING, for the command alone: it and the server have a mount namespace of their
own. Each read and write takes DELAY seconds. The server's process id is in BACKING/../server: at SIGUSR1 the disk is
stuck, at SIGUSR2 it goes on. Exits with 77 if no such file system can be mounted here.

The protocol is in linux/fuse.h; only what a transfer needs is here.
"""

import ctypes
import errno
import os
import select
import signal
import struct
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER, PR_SET_PDEATHSIG = 0x20000, 0x10000000, 1
MS_NOSUID_NODEV, MS_REC_PRIVATE = 6, 0x44000
PATIENCE = 60
DIRECT_IO, MAX_PAGES, BIG_WRITES = 1, 1 << 22, 1 << 5


def check(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def own_namespace():
    if libc.unshare(CLONE_NEWNS) < 0:
        user, group = os.getuid(), os.getgid()
        check(libc.unshare(CLONE_NEWNS | CLONE_NEWUSER))
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    check(libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None))


def attributes(s):
    times = [int(t) for t in (s.st_atime, s.st_mtime, s.st_ctime)]
    parts = [t % 10**9 for t in (s.st_atime_ns, s.st_mtime_ns, s.st_ctime_ns)]
    rest = (s.st_mode, s.st_nlink, s.st_uid, s.st_gid, 0, 4096, 0)
    return struct.pack("<6Q10I", s.st_ino, s.st_size, s.st_blocks, *times, *parts, *rest)


class Server:
    def __init__(self, device, backing, delay):
        self.device, self.delay = device, delay
        self.paths, self.numbers = {1: backing}, {backing: 1}

    def number(self, path):
        if path not in self.numbers:
            self.numbers[path] = len(self.paths) + 1
            self.paths[self.numbers[path]] = path
        return self.numbers[path]

    def below(self, node, name):
        return os.path.join(self.paths[node], name)

    def entry(self, path):
        found = os.lstat(path)
        return struct.pack("<4QII", self.number(path), 0, 0, 0, 0, 0) + attributes(found)

    def run(self):
        # Between two requests: one that the server has taken cannot be given up by the one who waits for it.
        told, tell = os.pipe()
        os.set_blocking(tell, False)
        signal.set_wakeup_fd(tell)
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, lambda *_: None)
        waiting = select.poll()
        waiting.register(self.device, select.POLLIN)
        waiting.register(told, select.POLLIN)
        while True:
            if any(descriptor == told for descriptor, _ in waiting.poll()):
                while os.read(told, 1)[0] != signal.SIGUSR2:
                    if not select.select([told], [], [], PATIENCE)[0]:
                        # Whoever should not wait for it did.
                        open(os.path.join(os.path.dirname(self.paths[1]), "waited"), "w").close()
                        return
                continue
            try:
                request = os.read(self.device, (1 << 20) + 4096)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT):
                    continue
                return
            _, code, unique, node = struct.unpack_from("<IIQQ", request)
            handle = getattr(self, NAMES.get(code, "unknown"), None)
            try:
                answer, result = handle(node, request[40:]) if handle else b"", 0
                if not handle:
                    result = errno.ENOSYS
                elif answer is None:
                    continue
            except OSError as error:
                answer, result = b"", error.errno
            try:
                os.write(self.device, struct.pack("<IiQ", 16 + len(answer), -result, unique) + answer)
            except OSError:
                pass  # Whoever asked is gone.

    def init(self, _, body):
        flags = struct.unpack_from("<I", body, 12)[0] & (MAX_PAGES | BIG_WRITES)
        return struct.pack("<4I2H2I2H8I", 7, 31, 0, flags, 16, 12, 1 << 17, 1, 32, 0, *[0] * 8)

    def forget(self, *_):
        return None

    batch_forget = interrupt = forget

    def lookup(self, node, body):
        return self.entry(self.below(node, body.rstrip(b"\0")))

    def getattr(self, node, body):
        flags, _, handle = struct.unpack_from("<IIQ", body)
        found = os.fstat(handle) if flags & 1 else os.lstat(self.paths[node])
        return struct.pack("<QII", 0, 0, 0) + attributes(found)

    def setattr(self, node, body):
        valid, _, handle, size, _, *rest = struct.unpack_from("<IIQQQ3Q3I4I", body)
        atime, mtime, _, atime_part, mtime_part, _, mode, _, user, group = rest
        at = handle if valid & 64 else self.paths[node]
        if valid & 1:
            os.chmod(at, mode & 0o7777)
        if valid & 6:
            os.chown(at, user if valid & 2 else -1, group if valid & 4 else -1)
        if valid & 8:
            os.truncate(at, size)
        if valid & 48:
            os.utime(at, ns=(atime * 10**9 + atime_part, mtime * 10**9 + mtime_part))
        return self.getattr(node, struct.pack("<IIQ", valid >> 6 & 1, 0, handle))

    def readlink(self, node, _):
        return os.readlink(self.paths[node])

    def symlink(self, node, body):
        name, target = body.split(b"\0")[:2]
        os.symlink(target, self.below(node, name))
        return self.entry(self.below(node, name))

    def mkdir(self, node, body):
        path = self.below(node, body[8:].rstrip(b"\0"))
        os.mkdir(path, struct.unpack_from("<I", body)[0] & 0o7777)
        return self.entry(path)

    def unlink(self, node, body):
        os.unlink(self.below(node, body.rstrip(b"\0")))
        return b""

    def rmdir(self, node, body):
        os.rmdir(self.below(node, body.rstrip(b"\0")))
        return b""

    def rename2(self, node, body):
        folder, flags = struct.unpack_from("<QI", body)
        old, new = body[16:].split(b"\0")[:2]
        old, new = self.below(node, old), self.below(folder, new)
        check(libc.renameat2(-100, old, -100, new, flags))
        moved = {path: number for path, number in self.numbers.items() if path == old or path.startswith(old + b"/")}
        for path, number in moved.items():
            del self.numbers[path]
            self.paths[number] = new + path[len(old) :]
            self.numbers[self.paths[number]] = number
        return b""

    def open(self, node, body):
        flags = struct.unpack_from("<I", body)[0] & ~(os.O_CREAT | os.O_EXCL | os.O_NOCTTY)
        return struct.pack("<QII", os.open(self.paths[node], flags), DIRECT_IO, 0)

    opendir = open

    def create(self, node, body):
        flags, mode = struct.unpack_from("<II", body)
        path = self.below(node, body[16:].rstrip(b"\0"))
        handle = os.open(path, flags | os.O_CREAT, mode & 0o7777)
        return self.entry(path) + struct.pack("<QII", handle, DIRECT_IO, 0)

    def read(self, _, body):
        handle, offset, size = struct.unpack_from("<QQI", body)
        time.sleep(self.delay)
        return os.pread(handle, size, offset)

    def write(self, _, body):
        handle, offset, size = struct.unpack_from("<QQI", body)
        time.sleep(self.delay)
        return struct.pack("<II", os.pwrite(handle, body[40 : 40 + size], offset), 0)

    def readdir(self, node, body):
        _, offset, size = struct.unpack_from("<QQI", body)
        answer = b""
        for at, name in enumerate(sorted(os.listdir(self.paths[node]))):
            one = struct.pack("<QQII", 1, at + 1, len(name), 0) + name
            one += bytes(-len(one) % 8)
            if at >= offset and len(answer) + len(one) <= size:
                answer += one
        return answer

    def statfs(self, node, _):
        s = os.statvfs(self.paths[node])
        blocks = (s.f_blocks, s.f_bfree, s.f_bavail, s.f_files, s.f_ffree)
        return struct.pack("<5Q10I", *blocks, s.f_bsize, 255, s.f_frsize, *[0] * 7)

    def release(self, _, body):
        os.close(struct.unpack_from("<Q", body)[0])
        return b""

    releasedir = release

    def fsync(self, _, body):
        os.fsync(struct.unpack_from("<Q", body)[0])
        return b""

    fsyncdir = fsync


NAMES = {
    1: "lookup", 2: "forget", 3: "getattr", 4: "setattr", 5: "readlink", 6: "symlink", 9: "mkdir", 10: "unlink",
    11: "rmdir", 14: "open", 15: "read", 16: "write", 17: "statfs", 18: "release", 20: "fsync", 26: "init",
    27: "opendir", 28: "readdir", 29: "releasedir", 30: "fsyncdir", 35: "create", 36: "interrupt", 42: "batch_forget",
    45: "rename2",
}  # fmt: skip


def main():
    folder, backing, delay, *command = sys.argv[1:]
    try:
        own_namespace()
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
        check(libc.mount(b"slow", folder.encode(), b"fuse", MS_NOSUID_NODEV, options.encode()))
    except OSError as error:
        print(f"no file system in user space can be mounted here: {error}", file=sys.stderr)
        sys.exit(77)
    parent = os.getpid()
    if (server := os.fork()) == 0:
        check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        if os.getppid() != parent:
            return
        os.setsid()
        for at in range(3):
            os.dup2(os.open("/dev/null", os.O_RDWR), at)
        Server(device, backing.encode(), float(delay)).run()
        os._exit(0)
    os.close(device)
    with open(os.path.join(os.path.dirname(backing), "server"), "w") as file:
        file.write(str(server))
    os.execvp(command[0], command)


main()
