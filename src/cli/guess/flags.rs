//! Flags of other programs, and what does the same here. Those that mean exactly the same are hidden
//! aliases at the argument itself.

/// Commands, the flags that people try there, and what there is instead.
const HINTS: &[(&[&str], &[&str], &str)] = &[
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
        &["client", "server", "send", "recv"],
        &[
            "--ssl",
            "--tls",
            "--dtls",
            "--encrypt",
            "--key",
            "--password",
            "--code",
        ],
        "nothing is encrypted; encrypt what is sent, or use a tunnel",
    ),
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
        "--only echo goes there and back",
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
        &["-l", "--limit", "--rate", "--bwlimit", "-b"],
        "it sends no faster than the path takes it (CUBIC)",
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

/// What does here what that flag does elsewhere.
pub(super) fn hint(command: &str, flag: &str) -> Option<&'static str> {
    let flag = flag.split('=').next().unwrap_or(flag);
    let is_here = |(commands, flags, _): &&(&[&str], &[&str], &str)| {
        commands.contains(&command) && flags.contains(&flag)
    };
    HINTS.iter().find(is_here).map(|(_, _, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::args::Arguments;

    /// Whether a command takes a flag, hidden ones and aliases included.
    fn takes(command: &str, flag: &str) -> bool {
        let mut all = Arguments::command();
        all.build();
        let command = all.find_subcommand(command).unwrap();
        let has = |command: &clap::Command| {
            command.get_arguments().any(|argument| {
                let longs = argument.get_long_and_visible_aliases().unwrap_or_default();
                let hidden = argument.get_all_aliases().unwrap_or_default();
                let shorts = argument.get_short().into_iter();
                let aliases = argument.get_all_short_aliases().unwrap_or_default();
                let is_long = flag
                    .strip_prefix("--")
                    .is_some_and(|name| longs.contains(&name) || hidden.contains(&name));
                let is_short = shorts
                    .chain(aliases)
                    .any(|short| flag == format!("-{short}"));
                is_long || is_short
            })
        };
        has(command)
    }

    #[test]
    fn a_hint_is_for_a_flag_that_there_is_not_and_names_those_that_there_are() {
        for (commands, flags, hint) in HINTS {
            for command in *commands {
                for flag in *flags {
                    assert!(!takes(command, flag), "{command} has {flag}: {hint}");
                    let found = super::hint(command, flag);
                    assert_eq!(found, Some(*hint), "{command} {flag} is there twice");
                }
                let mut owner = *command;
                let words: Vec<&str> = hint.split_whitespace().collect();
                for (at, word) in words.iter().enumerate() {
                    let next = words.get(at + 1).copied().unwrap_or_default();
                    if *word == "udpraw" {
                        owner = next.trim_end_matches([';', ',', ':']);
                    } else if *word == "client" || *word == "server" && next.starts_with("--") {
                        owner = word;
                    } else if word.starts_with("--") {
                        let flag = word.trim_end_matches([';', ',', ':']);
                        assert!(takes(owner, flag), "{owner} has no {flag}: {hint}");
                    }
                }
            }
        }
    }
}
