"""Services that answer as their RFCs have it, written apart from the program that is tested.

Run as: services.py NAME PORT [HOST]. It says where it listens, then answers for ever.
"""
import socket
import struct
import sys
import time

NAME, PORT = sys.argv[1], int(sys.argv[2])
HOST = sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1"


def ber(tag, body):
    length = bytes([len(body)]) if len(body) < 128 else b"\x82" + struct.pack(">H", len(body))
    return bytes([tag]) + length + body


def parse(data):
    """The tags and contents of a run of BER values."""
    found = []
    while data:
        tag, length, data = data[0], data[1], data[2:]
        if length & 0x80:
            digits = length & 0x7F
            length, data = int.from_bytes(data[:digits], "big"), data[digits:]
        found.append((tag, data[:length]))
        data = data[length:]
    return found


def snmp(data):
    (_, message), = parse(data)
    fields = parse(message)
    version = fields[0][1][-1]
    if version == 3:
        header = parse(fields[1][1])
        security = ber(0x30, ber(4, bytes.fromhex("80001f8804757564")) + ber(2, b"\x07")
                       + ber(2, b"\x04\xd2") + ber(4, b"") * 3)
        pdu = ber(0xA8, ber(2, header[0][1]) + ber(2, b"\0") * 2 + ber(0x30, b""))
        return ber(0x30, ber(2, b"\x03") + ber(0x30, b"".join(ber(t, v) for t, v in header))
                   + ber(4, security) + ber(0x30, ber(4, b"") * 2 + pdu))
    if NAME == "snmp-only-v1" and version != 0:
        return None
    community, (tag, pdu) = fields[1][1], fields[2]
    assert tag == 0xA0 and community == b"public"
    number, _, _, bindings = parse(pdu)
    (_, binding), = parse(bindings[1])
    (_, oid), _ = parse(binding)
    assert oid == bytes([0x2B, 6, 1, 2, 1, 1, 1, 0])
    answer = ber(0x30, ber(0x30, ber(6, oid) + ber(4, b"a box \x1b[1m")))
    pdu = ber(0xA2, ber(2, number[1]) + ber(2, b"\0") * 2 + answer)
    return ber(0x30, ber(2, bytes([version])) + ber(4, community) + pdu)


def quic(data):
    if len(data) < 1200 or not data[0] & 0x80:
        return None
    rest = data[5:]
    destination, rest = rest[1:1 + rest[0]], rest[1 + rest[0]:]
    source = rest[1:1 + rest[0]]
    return (b"\x8f\0\0\0\0" + bytes([len(source)]) + source + bytes([len(destination)])
            + destination + struct.pack(">II", 1, 0x6B3343CF))


def mdns(data):
    number, flags, questions = struct.unpack(">HHH", data[:6])
    assert flags == 0 and questions == 1 and data.endswith(b"\0\x0c\x80\x01")
    answer = b"\xc0\x0c" + struct.pack(">HHIH", 12, 1, 10, 13) + b"\x05_ipp\x1b\x04_tcp\xc0\x23"
    answer = answer[:10] + struct.pack(">H", len(answer) - 12) + answer[12:]
    return struct.pack(">HHHHHH", number, 0x8400, 1, 1, 0, 0) + data[12:] + answer


def sip(data):
    lines = data.decode().split("\r\n")
    assert lines[0].startswith("OPTIONS sip:") and lines[0].endswith(" SIP/2.0")
    kept = [line for line in lines if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
    assert len(kept) == 5 and lines[-2:] == ["", ""]
    return "\r\n".join(["SIP/2.0 200 OK", *kept, "Server: switch/1", "Content-Length: 0", "", ""]).encode()


def ssdp(data):
    assert data.startswith(b"M-SEARCH * HTTP/1.1\r\n") and b'\r\nMAN: "ssdp:discover"\r\n' in data
    return (b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=60\r\nEXT:\r\nSERVER: Linux UPnP/1.1 lamp/1\r\n"
            b"ST: upnp:rootdevice\r\nUSN: uuid:1\r\n\r\n")


ANSWERS = {
    "echo": lambda data: data,
    "daytime": lambda data: time.strftime("%A, %B %d, %Y %H:%M:%S-UTC\r\n").encode(),
    "time": lambda data: struct.pack(">I", (int(time.time()) + 2208988800) & 0xFFFFFFFF),
    "syslog": lambda data: None,
    "snmp": snmp,
    "snmp-only-v1": lambda data: None if parse(parse(data)[0][1])[0][1] == b"\x03" else snmp(data),
    "quic": quic,
    "mdns": mdns,
    "sip": sip,
    "ssdp": ssdp,
}

family = socket.AF_INET6 if ":" in HOST else socket.AF_INET
server = socket.socket(family, socket.SOCK_DGRAM)
server.bind((HOST, PORT))
print("ready", server.getsockname()[1], flush=True)
while True:
    question, client = server.recvfrom(65535)
    reply = ANSWERS[NAME](question)
    if reply is not None:
        server.sendto(reply, client)
