import socket
import sys

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", int(sys.argv[-1])))
while True:
    data, client = sock.recvfrom(65535)
    sock.sendto(b"got %d bytes" % len(data), client)
