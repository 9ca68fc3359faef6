"""A receiver that is not udpraw, written from docs/protocols.md: stores one transfer with a code in a folder.

receiver.py CODE FOLDER prints the port of 127.0.0.1 that it listens at."""

import hashlib
import heapq
import hmac
import os
import socket
import struct
import sys
import time

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
WINDOW, LONGEST, DELAY, TIMEOUT = 96 << 10, 1472, 2, 30
OPEN, CHALLENGE, ACCEPT, REFUSE = 1, 2, 3, 9
PADDING, PING, ACKNOWLEDGE, CREDIT, SETTLED, ANSWER, ANSWERED, STATUS, FINISH, DONE, CLOSE = range(11)
STREAM, LENGTHS = 13, {PADDING: 0, PING: 0, SETTLED: 8, ANSWERED: 8, FINISH: 24, 12: 8, 14: 8}
ENTRY, LISTED, TOTALS, RESUMED, DATA, END, FINISHED = range(1, 8)
sha256 = lambda *parts: hashlib.sha256(b"".join(parts)).digest()


def crc32c(data):
    value = 0xFFFFFFFF
    for at in range(8 * len(data)):
        value ^= data[at // 8] if at % 8 == 0 else 0
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return (value ^ 0xFFFFFFFF).to_bytes(4, "big")


def hkdf(salt, data, info, count):
    """RFC 5869, in parts of 32 bytes; without data Expand alone."""
    key, whole, block = salt if data is None else hmac.digest(salt, data, "sha256"), b"", b""
    while len(whole) < count:
        block = hmac.digest(key, block + info + bytes([len(whole) // 32 + 1]), "sha256")
        whole += block
    return [whole[at : min(at + 32, count)] for at in range(0, count, 32)]


def respond(psk, prologue, message, payload):
    """Noise NNpsk0, from message 1: message 2, and the secrets of both directions."""
    first, theirs, private = sha256(b"Noise_NNpsk0_25519_ChaChaPoly_SHA256"), message[:32], X25519PrivateKey.generate()
    chain, mixed, _ = hkdf(first, psk, b"", 96)
    digest = sha256(sha256(sha256(first, prologue), mixed), theirs)
    chain, key = hkdf(chain, theirs, b"", 64)
    ChaCha20Poly1305(key).decrypt(bytes(12), message[32:], digest)
    ours = private.public_key().public_bytes_raw()
    digest = sha256(sha256(digest, message[32:]), ours)
    chain, _ = hkdf(chain, ours, b"", 64)
    chain, key = hkdf(chain, private.exchange(X25519PublicKey.from_public_bytes(theirs)), b"", 64)
    return ours + ChaCha20Poly1305(key).encrypt(bytes(12), payload, digest), hkdf(chain, b"", b"", 64)


def aead(secrets, cipher, number, newest):
    """The cipher and the nonce of a packet; `secrets` are those of the epochs of its direction so far."""
    if number >> 20 > (newest >> 20) + 1:
        raise InvalidTag
    while len(secrets) <= number >> 20:
        secrets += hkdf(secrets[-1], None, b"epoch", 32)
    key, iv = hkdf(secrets[number >> 20], None, b"packet" + bytes([cipher]), 44)
    return {1: AESGCM, 2: ChaCha20Poly1305}[cipher](key), (int.from_bytes(iv, "big") ^ number).to_bytes(12, "big")


class Receiver:
    def __init__(self, code, folder):
        self.secret, self.folder = os.urandom(32), os.fsencode(folder)
        bits = "".join(f"{ALPHABET.index(symbol):05b}" for symbol in code.replace("-", ""))[:128]
        self.psk = hkdf(b"udpraw transfer", int(bits, 2).to_bytes(16, "big"), b"pre-shared key", 32)[0]
        self.socket, self.heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), time.monotonic()
        self.opening = self.connection = self.length = None
        self.next, self.seen, self.waiting, self.is_due, self.is_done, self.is_over = 0, [], 0, False, False, False
        self.early, self.delivered, self.answered, self.answer_at = [], 0, 0, 0
        self.buffer, self.answers, self.open = bytearray(), b"", {}

    def record(self, buffer, size):
        """Does what the first record says, if it is complete; returns its length, or 0."""
        kind, length = buffer[0], {LISTED: 1, TOTALS: 17, RESUMED: 17, FINISHED: 33}.get(buffer[0], 1 << 40)
        if kind == ENTRY and size >= 28:
            what, mode, seconds, nanoseconds, _, path, target = struct.unpack_from(">BHqIQHH", buffer, 1)
            if size >= (length := 28 + path + target):
                path, answer, index = bytes(buffer[28 : 28 + path]), (1, 0), len(self.answers) // 15
                place, times = os.path.join(self.folder, path), (seconds * 10**9 + nanoseconds,) * 2
                # No links, so that no path leads through one.
                if what == 2 or {b"", b".", b".."} & set(path.split(b"/")) or os.path.lexists(place):
                    answer = 2, 3
                elif what == 1:
                    os.mkdir(place)
                else:
                    answer, self.open[index] = (0, 0), (open(place + b".part", "xb"), place, mode, times)
                self.answers += struct.pack(">BQIBB", 1, index, 1, *answer)
        elif kind == DATA and size >= 21:
            entry, offset, length = struct.unpack_from(">QQI", buffer, 1)
            if size >= (length := length + 21):
                self.open[entry][0].seek(offset)
                self.open[entry][0].write(buffer[21:length])
        elif kind == END and size >= 19:
            entry, whole, status, has_digest = struct.unpack_from(">QQBB", buffer, 1)
            if size >= (length := 19 + 16 * has_digest):
                file, place, mode, times = self.open.pop(entry)
                file.truncate(whole)
                file.close()
                if status == 0:
                    os.chmod(file.name, mode)
                    os.utime(file.name, ns=times)
                    os.rename(file.name, place)
        return length if size >= length else 0

    def handshake(self, frame, source):
        if frame[6:8] != bytes([2, OPEN]) or len(frame) < 128 or crc32c(frame[4:]) != frame[:4]:
            return
        opening, token, ciphers = frame[8:16], frame[16:32], frame[32]
        own = hmac.digest(self.secret, b"%a %d" % (source, time.time() // 60) + opening, "sha256")[:16]
        kind, body = (ACCEPT, self.accept) if opening == self.opening else (CHALLENGE, own)
        if hmac.compare_digest(token, own) and not self.connection:
            connection, self.cipher = os.urandom(4) + b"\0\0" + os.urandom(2), 1 if ciphers & 1 else 2
            fields = connection + struct.pack(">QHHHB", WINDOW, LONGEST, DELAY, TIMEOUT, self.cipher)
            prologue = b"udpraw transfer\x02" + opening + token + bytes([ciphers])
            try:
                self.accept, secrets = respond(self.psk, prologue, frame[34:82], fields)
                self.forward, self.back = ([secret] for secret in secrets)
                self.opening, self.connection, self.peer = opening, connection, source
                kind, body = ACCEPT, self.accept
            except InvalidTag:
                kind, body = REFUSE, bytes([0, 9, 0])
        rest = b"uT\x02" + bytes([kind]) + opening + body
        self.socket.sendto(crc32c(rest) + rest, source)

    def packet(self, packet):
        number, newest = int.from_bytes(packet[8:16], "big"), self.seen[-1][1] if self.seen else 0
        if any(first <= number < end for first, end in self.seen) or len(self.seen) == 32 and number < self.seen[0][0]:
            return
        key, nonce = aead(self.forward, self.cipher, number, newest)
        payload = key.decrypt(nonce, packet[16:], packet[:16])
        while payload:
            length = 1 + LENGTHS.get(payload[0], len(payload))
            kind, value, payload = payload[0], payload[1:length], payload[length:]
            if kind == STREAM:
                heapq.heappush(self.early, (int.from_bytes(value[:8], "big"), value[8:]))
            elif kind == FINISH:
                self.length = int.from_bytes(value[:8], "big")
            elif kind == ANSWERED:
                self.answered, self.answer_at = max(self.answered, int.from_bytes(value, "big")), 0
            self.is_over |= kind == CLOSE
            self.waiting += kind in (PING, FINISH, STREAM)
            self.is_due |= kind in (PING, FINISH)
        self.is_due, self.heard, ranges = self.is_due or number != newest, time.monotonic(), []
        for first, end in sorted([*self.seen, (number, number + 1)]):
            first = ranges.pop()[0] if ranges and ranges[-1][1] == first else first
            ranges.append((first, end))
        self.seen = ranges[-32:]
        while self.early and self.early[0][0] <= self.delivered:
            offset, data = heapq.heappop(self.early)
            self.buffer += data[self.delivered - offset :]
            self.delivered = max(self.delivered, offset + len(data))
        while self.buffer and (length := self.record(self.buffer, len(self.buffer))):
            del self.buffer[:length]
        self.is_done = self.delivered == self.length

    def speak(self, frames=b""):
        if self.is_done and (self.is_due or self.waiting):
            frames, self.waiting, self.is_due = bytes([DONE]), 0, False
        elif self.is_due or self.waiting > 1:
            above, self.waiting, self.is_due = self.seen[-1][1], 0, False
            frames = struct.pack(">BQIQQB", ACKNOWLEDGE, above - 1, 0, 0, 0, len(self.seen))
            for first, end in reversed(self.seen):
                frames, above = frames + struct.pack(">II", above - end, end - first), first
            frames += struct.pack(">BQQ", CREDIT, self.delivered, self.delivered + WINDOW)
        part = self.answers[self.answered : self.answered + 1024]
        if part and time.monotonic() >= self.answer_at and not self.is_done:
            frames += struct.pack(">BQH", ANSWER, self.answered, len(part)) + part
            self.answer_at = time.monotonic() + 0.25
        if frames:
            header = self.connection + self.next.to_bytes(8, "big")
            key, nonce = aead(self.back, self.cipher, self.next, self.next)
            self.socket.sendto(header + key.encrypt(nonce, frames, header), self.peer)
            self.next += 1

    def run(self):
        self.socket.bind(("127.0.0.1", 0))
        print(self.socket.getsockname()[1], flush=True)
        while not self.is_over and time.monotonic() < self.heard + TIMEOUT:
            self.socket.settimeout(DELAY / 1000 if self.waiting else 0.25)
            try:
                datagram, source = self.socket.recvfrom(65536)
                if datagram[4:6] == b"uT":
                    self.handshake(datagram, source)
                elif datagram[:8] == self.connection:
                    self.packet(datagram)
            except (TimeoutError, InvalidTag):
                self.is_due |= self.waiting > 0
            self.speak()
        return 0 if self.is_done else 1


sys.exit(Receiver(*sys.argv[1:]).run())
