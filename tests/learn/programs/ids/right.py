import socket
import sys

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", int(sys.argv[-1])))
counter, answers = 0, {}
while True:
    data, client = sock.recvfrom(65535)
    key = (client, data.split()[0])
    if key not in answers:
        counter += 1
        answers[key] = data.split()[0] + b" %d" % counter
    sock.sendto(answers[key], client)
