"""Programs that a measuring script runs side by side, and the records that they print."""

import json
import os
import queue
import subprocess
import tempfile
import threading


class Program:
    """A program that runs meanwhile, and may tell what it does in lines of JSON.

    It is killed when its time is over, so that no wait is for ever.
    """

    def __init__(self, *words, seconds=600, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("stdout", subprocess.PIPE)
        self.name = " ".join([os.path.basename(words[0]), *words[1:2]])
        self.talk = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(list(words), stderr=self.talk, text=True, **more)
        self.timer = threading.Timer(seconds, self.process.kill)
        self.timer.daemon = True
        self.timer.start()
        # Read as it comes: a program whose output is full would wait, and its peer with it.
        self.lines = queue.SimpleQueue()
        if self.process.stdout:
            threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for line in self.process.stdout:
                self.lines.put(line)
        except ValueError:
            pass  # closed meanwhile
        self.lines.put(None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.timer.cancel()
        self.process.kill()
        self.process.wait()
        self.talk.close()

    def failure(self, why):
        self.talk.seek(0)
        return RuntimeError(f"{self.name}: {why}: {self.talk.read().strip()[-500:]}")

    def event(self, name):
        """The next record of that event; those before it are passed over."""
        for line in iter(self.lines.get, None):
            record = json.loads(line)
            if record.get("event") == name:
                return record
        self.lines.put(None)  # for whoever asks again
        self.process.wait()
        raise self.failure(f"ended with {self.process.returncode} before it said '{name}'")

    def finish(self):
        """Waits for its end, which must be a good one; gives what it still had to say."""
        rest = "".join(iter(self.lines.get, None)) if self.process.stdout else ""
        if self.process.wait():
            raise self.failure(f"ended with {self.process.returncode}")
        return rest


def address(record):
    """Of a record that says where somebody listens: `ADDRESS:PORT`, or the two apart."""
    found = record.get("local", record.get("address"))
    if isinstance(found, dict):
        return f"{found['address']}:{found['port']}"
    return found if ":" in found else f"{found}:{record['port']}"
