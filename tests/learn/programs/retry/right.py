import socket
import sys

server = ("127.0.0.1", int(sys.argv[-1]))
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
wait = 0.1
for _attempt in range(4):
    sock.sendto(b"what time is it?", server)
    sock.settimeout(wait)
    try:
        print(sock.recvfrom(65535))
        sys.exit(0)
    except TimeoutError:
        wait = wait * 2
sys.exit(1)
