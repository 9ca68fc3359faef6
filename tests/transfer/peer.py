"""The cryptography of a transfer, as a peer that is not udpraw's has it: the shared code, the receiver's
end of the handshake and the protection of packets, by the package `cryptography`.

Run as a program it is the receiver's end of tests/transfer/crypto.rs, by lines on standard input:
    respond CODE VERSION ID TOKEN CIPHERS MESSAGE_1 EPHEMERAL PAYLOAD CIPHER   -> message 2
    open PACKET                                                               -> payload, or "refused"
    seal CONNECTION NUMBER PAYLOAD                                             -> packet
Binary values are in hexadecimal, "-" if empty.
"""

import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CIPHERS = {1: AESGCM, 2: ChaCha20Poly1305}


def sha256(data):
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    return digest.finalize()


def mac(key, data):
    code = hmac.HMAC(key, hashes.SHA256())
    code.update(data)
    return code.finalize()


def expand(key, info, length):
    return HKDFExpand(hashes.SHA256(), length, info).derive(key)


def pre_shared_key(code):
    """The key of a code in the form that udpraw shows; the two check symbols are left out."""
    bits = 0
    for symbol in code.replace("-", "")[:26]:
        bits = bits << 5 | ALPHABET.index(symbol)
    secret = (bits >> 2).to_bytes(16, "big")
    return expand(mac(b"udpraw transfer", secret), b"pre-shared key", 32)


class Noise:
    """The symmetric state of Noise (revision 34, section 5.2)."""

    def __init__(self, prologue):
        self.hash = sha256(b"Noise_NNpsk0_25519_ChaChaPoly_SHA256")
        self.chaining = self.hash
        self.key = None
        self.mix_hash(prologue)

    def mix_hash(self, data):
        self.hash = sha256(self.hash + data)

    def mix(self, data, outputs):
        """HKDF of the chaining key: `outputs` - 1 values, and the first is the new chaining key."""
        whole = expand(mac(self.chaining, data), b"", 32 * outputs)
        self.chaining, *rest = (whole[at : at + 32] for at in range(0, len(whole), 32))
        return rest

    def mix_key(self, data):
        (self.key,) = self.mix(data, 2)

    def mix_key_and_hash(self, data):
        middle, self.key = self.mix(data, 3)
        self.mix_hash(middle)

    def decrypt(self, text):
        plain = ChaCha20Poly1305(self.key).decrypt(bytes(12), text, self.hash)
        self.mix_hash(text)
        return plain

    def encrypt(self, plain):
        text = ChaCha20Poly1305(self.key).encrypt(bytes(12), plain, self.hash)
        self.mix_hash(text)
        return text


def respond(psk, prologue, message, ephemeral, payload):
    """Message 2, and the secrets of the initiator's direction and the responder's."""
    noise = Noise(prologue)
    noise.mix_key_and_hash(psk)
    theirs = message[:32]
    noise.mix_hash(theirs)
    noise.mix_key(theirs)
    noise.decrypt(message[32:])
    private = X25519PrivateKey.from_private_bytes(ephemeral)
    ours = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    noise.mix_hash(ours)
    noise.mix_key(ours)
    noise.mix_key(private.exchange(X25519PublicKey.from_public_bytes(theirs)))
    answer = ours + noise.encrypt(payload)
    whole = expand(mac(noise.chaining, b""), b"", 64)
    return answer, (whole[:32], whole[32:])


class Direction:
    """The keys of one direction."""

    def __init__(self, secret, cipher):
        self.secret, self.cipher = secret, cipher

    def of(self, number):
        secret = self.secret
        for _ in range(number >> 20):
            secret = expand(secret, b"epoch", 32)
        material = expand(secret, b"packet" + bytes([self.cipher]), 44)
        nonce = int.from_bytes(material[32:], "big") ^ number
        return CIPHERS[self.cipher](material[:32]), nonce.to_bytes(12, "big")

    def open(self, packet):
        cipher, nonce = self.of(int.from_bytes(packet[8:16], "big"))
        return cipher.decrypt(nonce, packet[16:], packet[:16])

    def seal(self, connection, number, payload):
        cipher, nonce = self.of(number)
        header = connection.to_bytes(8, "big") + number.to_bytes(8, "big")
        return header + cipher.encrypt(nonce, payload, header)


def main():
    forward = back = None
    for line in sys.stdin:
        command, *words = line.split()
        binary = [bytes.fromhex(word.replace("-", "")) for word in words] if command != "respond" else []
        if command == "respond":
            code, version, opening, token, ciphers, message, ephemeral, payload, cipher = words
            prologue = b"udpraw transfer" + bytes([int(version)]) + int(opening).to_bytes(8, "big")
            prologue += bytes.fromhex(token) + bytes([int(ciphers)])
            message, ephemeral = bytes.fromhex(message), bytes.fromhex(ephemeral)
            payload = bytes.fromhex(payload.replace("-", ""))
            answer, secrets = respond(pre_shared_key(code), prologue, message, ephemeral, payload)
            forward, back = (Direction(secret, int(cipher)) for secret in secrets)
            print(answer.hex(), flush=True)
        elif command == "open":
            try:
                print(forward.open(binary[0]).hex() or "-", flush=True)
            except InvalidTag:
                print("refused", flush=True)
        elif command == "seal":
            connection, number = (int.from_bytes(value, "big") for value in binary[:2])
            print(back.seal(connection, number, binary[2]).hex(), flush=True)


if __name__ == "__main__":
    main()
