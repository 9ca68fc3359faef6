import socket
import sys

port = int(sys.argv[-1])
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", port))
while True:
    data, address = sock.recvfrom(65535)
    text = data.decode("ascii")
    print("The client at", address, "says", repr(text), flush=True)
    answer = f"Your data was {len(data)} bytes long"
    sock.sendto(answer.encode("ascii"), address)
