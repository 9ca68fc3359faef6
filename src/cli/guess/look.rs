//! Hints for the other commands.

use super::flags::Hint;

pub(super) const HINTS: &[Hint] = &[
    // nmap, dig
    (
        &["probe"],
        &["-s", "-P"],
        "leave it out: UDP is all that is probed",
    ),
    (
        &["probe"],
        &["-v", "--verbose", "--open", "--reason"],
        "--all lists every port, each with its evidence",
    ),
    (
        &["probe"],
        &["-T", "--min-rate", "--pps"],
        "--rate N is the number of datagrams a second",
    ),
    (
        &["probe"],
        &["-F", "--top-ports"],
        "name the ports: udpraw probe HOST 1-1000",
    ),
    (
        &["probe"],
        &["-x", "--type", "--dns"],
        "--query NAME asks DNS for a name's IPv4 address",
    ),
    (
        &["probe"],
        &["--ntp", "--stun", "--snmp", "--sip", "--service"],
        "--as PROTOCOL asks as ntp, stun and others do",
    ),
    // tc netem, toxiproxy
    (
        &["relay"],
        &["-p", "--port", "--host"],
        "the two ends are --listen ADDR:PORT and --to ADDR:PORT",
    ),
    (
        &["relay"],
        &["-w", "--timeout", "--wait", "-t"],
        "--for TIME ends the relay, --idle TIME a flow",
    ),
    (
        &["relay"],
        &["-o", "--output", "--record"],
        "--log FILE keeps the outcome of each datagram",
    ),
    (
        &["relay"],
        &["-q", "--quiet"],
        "leave it out: nothing is printed per datagram",
    ),
    // ss, netstat, lsof
    (
        &["ports"],
        &["-t", "--tcp", "-x", "--raw"],
        "leave it out: UDP sockets are all that is shown; for others: ss",
    ),
    (
        &["ports"],
        &["--interval", "-d", "--delay"],
        "--watch looks once a second",
    ),
    (
        &["ports"],
        &["-k", "--kill", "-K"],
        "nothing is ended here; the table names the pid: kill PID",
    ),
    (
        &["ports"],
        &["-4", "-6", "--ipv4", "--ipv6"],
        "both are shown; an address selects: udpraw ports 127.0.0.1",
    ),
    (
        &["ports"],
        &["-s", "--summary", "-r"],
        "--json prints every number; jq sums them up",
    ),
    // tracepath, ping -M do
    (
        &["mtu"],
        &["-s", "--size", "-M", "-l"],
        "leave it out: the size is what is found",
    ),
    (
        &["mtu"],
        &[
            "-c",
            "--count",
            "-w",
            "-W",
            "--wait",
            "--timeout",
            "--tries",
        ],
        "leave it out; how long it waits is --backoff RULE",
    ),
    // iperf3, sockperf
    (
        &["bench"],
        &["-s", "--listen"],
        "the other end is: udpraw server --allow-bench --reply echo",
    ),
    (
        &["bench"],
        &["-l", "-m", "--msg-size", "--payload"],
        "--size BYTES is the payload of a datagram",
    ),
    (
        &["bench"],
        &["-b", "--bitrate", "--bandwidth", "--rate", "--mps", "--pps"],
        "it sends as fast as the receiver takes it; --flood sends faster",
    ),
    (
        &["bench"],
        &["-R", "--reverse", "-d", "--bidir", "--ping-pong"],
        "--only echo measures round trips",
    ),
    (
        &["bench"],
        &["-i", "--interval", "-v", "--verbose"],
        "each trial is a line; --time TIME is how long it takes",
    ),
    (
        &["bench"],
        &["-w", "--window", "--buffer"],
        "--rcvbuf SIZE and --sndbuf SIZE are the buffers",
    ),
    (
        &["bench"],
        &["-A", "--affinity", "--cpu"],
        "--cpus A,B pins the two sides",
    ),
    (
        &["bench"],
        &["-n", "--count", "--repeat", "--runs", "-r"],
        "--trials N measures each variant N times",
    ),
    (
        &["bench"],
        &["--threads", "--workers"],
        "--flows N has N clients at once",
    ),
    (
        &["bench"],
        &["-o", "--output", "--csv", "--format"],
        "--json and --markdown are the other forms",
    ),
    // strace
    (
        &["trace"],
        &["-e", "--trace", "--filter"],
        "socket calls are all that is shown; --only all shows those of every socket in full",
    ),
    (
        &["trace"],
        &["-c", "-C", "--summary", "--stats"],
        "--diagram shows at the end what was sent and what was lost",
    ),
    (
        &["trace"],
        &["-t", "-T", "--timestamps", "--absolute-timestamps"],
        "--relative puts the seconds before each line",
    ),
    (
        &["trace"],
        &["-y", "-v", "-x", "-q", "-k", "-i"],
        "leave it out: --explain says what a call does, --bytes N shows more of a payload",
    ),
    // getent
    (
        &["services"],
        &["-p", "--port"],
        "the port stands alone: udpraw services 53",
    ),
    (
        &["services"],
        &["-t", "--tcp"],
        "--proto tcp selects a protocol",
    ),
    (
        &["services"],
        &["-l", "--list", "-a", "--all"],
        "udpraw services list prints them all",
    ),
    (
        &["options"],
        &["-a", "--all", "-l", "--list"],
        "leave it out: udpraw options lists them all",
    ),
    (
        &["options"],
        &["-s", "--get"],
        "a name shows it: udpraw options SO_RCVBUF; --set NAME=VALUE sets it",
    ),
    (
        &["options"],
        &["-4", "-6", "--ipv4", "--ipv6"],
        "--type udp6 makes an IPv6 socket",
    ),
    (
        &["tour"],
        &["-l", "--lessons", "--all"],
        "--list names the lessons",
    ),
];
