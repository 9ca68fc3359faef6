import socket
import struct
import sys

message = bytes(at % 251 for at in range(10000))
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
size = 1400
for offset in range(0, len(message), size):
    piece = struct.pack("!I", offset) + message[offset:offset + size]
    sock.sendto(piece, ("127.0.0.1", int(sys.argv[-1])))
