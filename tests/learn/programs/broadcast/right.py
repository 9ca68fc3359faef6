import socket
import sys

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
sock.settimeout(2)
sock.sendto(b"who is there?", ("127.255.255.255", int(sys.argv[-1])))
for _ in range(2):
    print(sock.recvfrom(65535))
