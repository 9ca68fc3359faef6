import socket, sys

server = ("127.0.0.1", int(sys.argv[-1]))
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
wait = 0.1
for attempt in range(4):
    sock.sendto(b"what time is it?", server)
    sock.settimeout(wait)
    try:
        print(sock.recvfrom(65535))
        sys.exit(0)
    except socket.timeout:
        wait = wait * 2
sys.exit(1)
