//! Programs that are known to be wrong: what is wrong, how they differ from the right one in Python, and a
//! part of the hint that they must get.

/// Exercise, what is wrong, what is replaced in the right program, and the hint.
type Wrong = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

#[rustfmt::skip]
pub(crate) const WRONG: &[Wrong] = &[
    ("server", "it never answers", &[("    sock.sendto(b\"got %d bytes\" % len(data), client)\n", "")], "did not answer the last one"),
    ("server", "it answers the first client only", &[("while True:", "first = None\nwhile True:"), ("    sock.sendto", "    first = first or client\n    sock.sendto"), (", client)\n", ", first)\n")], "but your answer went to"),
    ("server", "it answers from another socket", &[("    sock.sendto", "    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto")], "but your answer came from"),
    ("server", "it serves once", &[("while True:", "for _ in range(1):")], "ended too early, after it had received 1 datagrams"),
    ("server", "its port is its own choice", &[("int(sys.argv[-1])", "0")], "take the port from the last argument"),
    ("server", "it speaks TCP", &[("SOCK_DGRAM", "SOCK_STREAM"), ("while True:", "sock.listen()\nwhile True:"), ("sock.recvfrom(65535)", "sock.accept()")], "This exercise is about UDP"),
    ("server", "it binds nothing", &[("sock.bind((\"127.0.0.1\", int(sys.argv[-1])))\n", "")], "bound no UDP socket"),

    ("unicode", "it decodes strictly, as the textbook does", &[(", errors=\"replace\"", "")], "byte 233 ended your server"),
    ("unicode", "it takes every text for UTF-8", &[("\"ascii\", errors=\"replace\"", "\"utf-8\"")], "UnicodeDecodeError"),
    ("unicode", "it catches the error outside of its loop", &[("while True:\n", "try:\n  while True:\n"), (", errors=\"replace\"", ""), ("client)\n", "client)\nexcept UnicodeDecodeError:\n    print(\"bad byte, sorry\")\n")], "bad byte, sorry"),
    ("unicode", "it stops answering after the byte", &[(", errors=\"replace\"", ""), ("    text = ", "    try:\n        data.decode(\"ascii\")\n    except UnicodeDecodeError:\n        while True: sock.recvfrom(65535)\n    text = ")], "did not answer the last one"),
    ("unicode", "it makes a new socket after the byte", &[(", errors=\"replace\"", ""), ("    text = ", "    try:\n        data.decode(\"ascii\")\n    except UnicodeDecodeError:\n        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n        sock.bind((\"127.0.0.1\", 0))\n        continue\n    text = ")], "did not answer the last one"),

    ("forged", "it takes the first datagram, as the textbook does", &[("    if sender == server:\n        break\n", "    break\n")], "took the datagram of 127.0.0.2"),
    ("forged", "it compares the host only", &[("sender == server", "sender[0] == server[0]")], "The host is the same, the port is not"),
    ("forged", "it gives up at a stranger", &[("        break\n", "        break\n    sys.exit(1)\n")], "noticed that 127.0.0.2"),
    ("forged", "it prints what the stranger says", &[("    if sender", "    print(data)\n    if sender")], "also printed the forged one"),
    ("forged", "it asks nobody", &[("sock.sendto(b\"what time is it?\", server)\n", ""), ("settimeout(5)", "settimeout(30)")], "sent no datagram"),

    ("retry", "it waits for ever, as the textbook does", &[("    sock.settimeout(wait)\n", "")], "sent its request once"),
    ("retry", "its wait is constant", &[("wait * 2", "wait")], "double the wait each time"),
    ("retry", "its wait becomes shorter", &[("wait * 2", "wait / 2"), ("wait = 0.1", "wait = 0.4")], "double the wait each time"),
    ("retry", "it tries twice", &[("range(4)", "range(2)")], "sent its request 2 times and gave up"),
    ("retry", "it calls giving up a success", &[("sys.exit(1)", "sys.exit(0)")], "exit status 0, which means success"),
    ("retry", "it never gives up", &[("range(4)", "range(100)"), ("wait = 0.1", "wait = 0.002")], "give up at some point"),

    ("refused", "it is not connected, as the textbook's is not", &[("sock.connect((", "server = (("), ("sock.send(b\"what time is it?\")", "sock.sendto(b\"what time is it?\", server)"), ("int(sys.argv[-1])))", "int(sys.argv[-1])))\n"), ("server = ((\"127.0.0.1\", int(sys.argv[-1])))", "server = (\"127.0.0.1\", int(sys.argv[-1]))")], "call connect() first"),
    ("refused", "it hears, and asks again", &[("try:\n", "while True:\n  try:\n"), ("    sys.exit(str(error))", "    __import__(\"time\").sleep(0.2)"), ("except", "  except")], "your program went on"),
    ("refused", "it hears, and calls that a success", &[("sys.exit(str(error))", "sys.exit(0)")], "exit status 0, which means success"),
    ("refused", "it sends, and listens no more", &[("    print(sock.recv(65535))\n", "    __import__(\"time\").sleep(0.5)\n    sys.exit(1)\n")], "Call recv() after send()"),

    ("ids", "it has no memory", &[("    if key not in answers:\n", "    if True:\n")], "the request was executed twice"),
    ("ids", "it is silent at a duplicate", &[("    sock.sendto(answers[key], client)", "        sock.sendto(answers[key], client)")], "the second one got no answer"),
    ("ids", "it forgets whose id it is", &[("(client, data.split()[0])", "data.split()[0]")], "remember the address with the ID"),
    ("ids", "it answers without the id", &[("data.split()[0] + b\" %d\" % counter", "b\"%d\" % counter")], "must be the ID of this request"),
    ("ids", "it counts from 0", &[("counter, answers = 0", "counter, answers = -1")], "must be the ID of this request"),

    ("large", "it sends one datagram", &[("size = 1400", "size = 20000")], "would be cut into fragments"),
    ("large", "it fills the MTU without room for headers", &[("size = 1400", "size = 1496")], "A datagram of 1500 bytes left"),
    ("large", "it has no offset", &[("struct.pack(\"!I\", offset) + ", "")], "which is not inside the message"),
    ("large", "its offset is little-endian", &[("!I", "<I")], "byte order of this machine"),
    ("large", "it drops the shorter piece", &[("range(0, len(message), size)", "range(0, len(message) - size, size)")], "of the message never arrived"),
    ("large", "it counts pieces, not bytes", &[("\"!I\", offset)", "\"!I\", offset // size)")], "Is the offset in bytes"),

    ("share", "it sets no option", &[("sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n", "")], "must set SO_REUSEPORT"),
    ("share", "it sets another option", &[("SO_REUSEPORT", "SO_REUSEADDR")], "That option is another one"),
    ("share", "it sets the option too late", &[("sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n", ""), ("sock.bind((\"127.0.0.1\", int(sys.argv[-1])))\n", "try:\n    sock.bind((\"127.0.0.1\", int(sys.argv[-1])))\nexcept OSError:\n    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n    sys.exit(1)\n")], "must be set before it"),
    ("share", "it takes another port", &[("int(sys.argv[-1])", "0")], "take the port from the last argument"),
    ("share", "it answers nobody", &[("    sock.sendto(data, client)\n", "")], "and it answered none"),

    ("broadcast", "it sets no option", &[("sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)\n", "")], "Broadcast must be allowed before the send"),
    ("broadcast", "it asks one host", &[("127.255.255.255", "127.0.0.1")], "which is one host"),
    ("broadcast", "it takes the first answer", &[("range(2)", "range(1)")], "yours received 1 of them"),
    ("broadcast", "it waits for a third answer for ever", &[("range(2)", "range(3)"), ("sock.settimeout(2)\n", "")], "still ran"),
    ("broadcast", "it asks, and leaves", &[("for _ in range(2):\n    print(sock.recvfrom(65535))\n", "")], "yours received 0 of them"),

    ("copy", "it has no timeout", &[("sock.settimeout(0.1)\n", "")], "it had not been sent again"),
    ("copy", "it does not wait", &[("range(20)", "range(1)"), ("sock.settimeout(0.1)", "sock.settimeout(0.0001)"), ("TimeoutError", "OSError")], "before the acknowledgement of"),
    ("copy", "it begins at 1", &[("number = 0", "number = 1")], "Numbers begin at 0"),
    ("copy", "it sends no end", &[("    while True:\n        data = file.read(1024)\n", "    while True:\n        data = file.read(1024)\n        if not data:\n            break\n")], "but no end"),
    ("copy", "it reads the same piece again", &[("        data = file.read(1024)", "        file.seek(number * 1000)\n        data = file.read(1024)")], "are not those of the file"),
    ("copy", "it gives up after one loss", &[("                pass", "                sys.exit(1)")], "Your program ended when"),
];

/// The program of the newer note.
pub(crate) const TEXTBOOK: &str = r#"
import argparse, socket
from datetime import datetime

MAX_BYTES = 65535

def server(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(('127.0.0.1', port))
    print('Listening at {}'.format(sock.getsockname()))
    while True:
        data, address = sock.recvfrom(MAX_BYTES)
        text = data.decode('ascii')
        print('The client at {} says {!r}'.format(address, text))
        text = 'Your data was {} bytes long'.format(len(data))
        data = text.encode('ascii')
        sock.sendto(data, address)

def client(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    text = 'The time is {}'.format(datetime.now())
    data = text.encode('ascii')
    sock.sendto(data, ('127.0.0.1', port))
    print('The OS assigned me the address {}'.format(sock.getsockname()))
    data, address = sock.recvfrom(MAX_BYTES)  # Danger! See Chapter 2
    text = data.decode('ascii')
    print('The server {} replied {!r}'.format(address, text))

if __name__ == '__main__':
    choices = {'client': client, 'server': server}
    parser = argparse.ArgumentParser(description='Send and receive UDP locally')
    parser.add_argument('role', choices=choices, help='which role to play')
    parser.add_argument('-p', metavar='PORT', type=int, default=1060,
                        help='UDP port (default 1060)')
    args = parser.parse_args()
    function = choices[args.role]
    function(args.p)
"#;
