//! Hints for the commands that talk: client, server, send and recv.

use super::flags::Hint;

pub(super) const HINTS: &[Hint] = &[
    // nc, ncat, socat, ping
    (
        &["client"],
        &["-l", "--listen", "-k", "--keep-open", "-L"],
        "a client sends; to listen: udpraw server HOST PORT",
    ),
    (
        &["client"],
        &["-z", "-Z", "--zero"],
        "to see whether something answers: udpraw probe HOST PORT",
    ),
    (
        &["client"],
        &[
            "--no-wait",
            "--nowait",
            "--no-reply",
            "-N",
            "--one-way",
            "--send-only",
            "--no-recv",
        ],
        "it waits for the reply: --tries 1 --timeout 1ms sends once and hardly waits",
    ),
    (
        &["client"],
        &["-s", "-S", "--size", "--length"],
        "the source address is --local ADDR; a datagram is as long as its --message",
    ),
    (
        &["client"],
        &["-b"],
        "--broadcast allows broadcast addresses",
    ),
    (&["client"], &["-t"], "--ttl N sets the TTL"),
    (
        &["client", "server"],
        &["-T", "-Q"],
        "--tos TOS sets the TOS byte",
    ),
    (
        &["client", "server", "send", "recv"],
        &["-I", "--interface", "--dev", "--device", "--iface"],
        "--bind-device INTERFACE uses one interface only",
    ),
    (
        &["client"],
        &["--rate", "--pps", "-f", "--flood", "--qps"],
        "--count N --interval TIME sends at a rate; for full speed: udpraw bench",
    ),
    (
        &["client"],
        &["--file", "--input"],
        "--stdin <FILE sends each line; for a file as it is: udpraw send HOST FILE",
    ),
    (
        &["client", "server"],
        &["-e", "--exec", "--sh-exec"],
        "no program is started; client --stdin reads a pipe, server --reply echo echoes",
    ),
    (
        &["client"],
        &["--for", "--duration", "--time", "--forever", "--loop", "-d"],
        "--count N sends N requests, --interval TIME apart",
    ),
    (&["client", "server", "recv"], &["--debug"], "-v shows more"),
    (
        &["server"],
        &["-k", "--keep-open", "--fork", "-F", "--forever", "--loop"],
        "leave it out: a server runs until Ctrl-C, or until --count N is full",
    ),
    (
        &["server"],
        &[
            "-w",
            "--wait",
            "--timeout",
            "--for",
            "--duration",
            "--time",
            "-t",
            "--idle",
        ],
        "a server ends at Ctrl-C or --count N; after a time: timeout 5 udpraw server",
    ),
    (
        &["server"],
        &["-1", "--once", "--one", "-o"],
        "--count 1 ends after one datagram",
    ),
    (
        &["server"],
        &["--echo"],
        "--reply echo sends each datagram back",
    ),
    (
        &["server"],
        &[
            "--no-reply",
            "--sink",
            "--discard",
            "--silent",
            "--no-answer",
        ],
        "--reply none answers nothing",
    ),
    (
        &["server"],
        &["-m", "--message", "--text", "--response", "--answer"],
        "--reply-text TEXT is the answer",
    ),
    (
        &["server", "client"],
        &[
            "--delay",
            "--latency",
            "--jitter",
            "--duplicate",
            "--corrupt",
            "--reorder",
            "--bandwidth",
        ],
        "a bad network is between the two: udpraw relay --listen :5300 --to :1060 --delay 50ms",
    ),
    (
        &["client"],
        &["--loss", "--drop"],
        "the network that loses is between the two: udpraw relay --listen :5300 --to :1060 --loss 20%",
    ),
    (
        &["server"],
        &["-b", "--buffer", "--bufsize", "--buffer-size"],
        "--rcvbuf SIZE is the receive buffer",
    ),
    (
        &["server", "client", "recv"],
        &["-g", "--group", "--multicast"],
        "--join GROUP joins a multicast group",
    ),
    (
        &["server", "recv", "relay"],
        &["-d", "-D", "--daemon", "--background"],
        "it stays in front; the shell's & or a service manager puts it in the background",
    ),
    (
        &["client", "server"],
        &[
            "--ssl",
            "--tls",
            "--dtls",
            "--encrypt",
            "--key",
            "--password",
        ],
        "nothing is encrypted; encrypt what is sent, or use a tunnel",
    ),
    (
        &["send", "recv"],
        &[
            "--ssl",
            "--tls",
            "--dtls",
            "--encrypt",
            "--key",
            "--password",
        ],
        "everything is encrypted; --code-file names the file with the code",
    ),
    // scp, croc
    (
        &["send"],
        &["-r", "--recursive"],
        "a folder goes through a pipe: tar c DIR | udpraw send HOST",
    ),
    (
        &["send"],
        &["-f", "--file", "--input", "-i"],
        "the file stands behind the host: udpraw send HOST FILE",
    ),
    (
        &["send"],
        &["-o", "--output", "--out"],
        "--name NAME is what the file is called there",
    ),
    (
        &["send"],
        &["-l", "--limit", "--bwlimit", "-b"],
        "--rate 20Mbit is the most that it sends",
    ),
    (
        &["send", "recv"],
        &["-z", "-C", "--compress"],
        "nothing is compressed; put zstd into the pipe",
    ),
    (
        &["send"],
        &["-v", "--verbose", "--progress"],
        "--json prints what happens",
    ),
    (
        &["recv"],
        &["-f", "--force", "-y", "--yes"],
        "--overwrite replaces files, with --into DIR",
    ),
    (
        &["recv"],
        &["--once", "-1"],
        "leave it out: without --into DIR one stream is received",
    ),
];
