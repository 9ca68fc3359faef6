import socket
import sys

port = int(sys.argv[-1])
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", port))
while True:
    data, address = sock.recvfrom(65535)
    print("The client at", address, "says", data, flush=True)
