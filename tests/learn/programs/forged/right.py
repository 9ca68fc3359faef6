import socket
import sys

server = ("127.0.0.1", int(sys.argv[-1]))
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(5)
sock.sendto(b"what time is it?", server)
while True:
    data, sender = sock.recvfrom(65535)
    if sender == server:
        break
print(data.decode())
