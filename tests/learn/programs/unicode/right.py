import socket
import sys

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", int(sys.argv[-1])))
while True:
    data, client = sock.recvfrom(65535)
    text = data.decode("ascii", errors="replace")
    sock.sendto(("got " + text).encode("utf-8"), client)
