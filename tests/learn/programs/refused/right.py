import socket
import sys

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect(("127.0.0.1", int(sys.argv[-1])))
sock.settimeout(5)
try:
    sock.send(b"what time is it?")
    print(sock.recv(65535))
except ConnectionRefusedError as error:
    sys.exit(str(error))
