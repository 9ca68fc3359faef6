import socket
import struct
import sys

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(0.1)
receiver = ("127.0.0.1", int(sys.argv[-1]))
number = 0
with open(sys.argv[-2], "rb") as file:
    while True:
        data = file.read(1024)
        for _attempt in range(20):
            sock.sendto(struct.pack("!I", number) + data, receiver)
            try:
                if sock.recv(64) == struct.pack("!I", number):
                    break
            except TimeoutError:
                pass
        if not data:
            break
        number += 1
