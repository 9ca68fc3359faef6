import socket
import sys

port = int(sys.argv[-1])
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.sendto(b"What time is it?", ("127.0.0.1", port))
data, address = sock.recvfrom(65535)
print("The server", address, "replied", data)
