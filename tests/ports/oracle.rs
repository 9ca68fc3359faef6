//! ss(8) and `/proc/net/udp`, read by a program of another language, as the oracles.

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::process::Command;

use crate::common::{finish, has, json_lines, run};
use crate::{alone, fresh_namespace};

/// Local, remote, bytes waiting, pid and fd of a socket.
type Told = BTreeSet<String>;

fn sockets() -> Vec<UdpSocket> {
    let mut sockets = Vec::new();
    for number in 0..200 {
        let host = ["127.0.0.1", "127.9.9.9", "0.0.0.0", "[::1]", "[::]"][number % 5];
        let socket = UdpSocket::bind(format!("{host}:0")).unwrap();
        let peer = sockets
            .last()
            .map(|last: &UdpSocket| last.local_addr().unwrap());
        // Some connect, and send what nobody reads.
        if let Some(peer) =
            peer.filter(|peer| number % 3 == 0 && peer.is_ipv4() == (number % 5 < 3))
            && socket.connect(peer).is_ok()
        {
            socket.send(&[0; 100]).unwrap();
        }
        sockets.push(socket);
    }
    sockets
}

fn ours() -> Told {
    told(&json_lines(&finish(&["ports", "--json"]).stdout))
}

fn told(records: &[serde_json::Value]) -> Told {
    let address = |value: &serde_json::Value| match value["address"].as_str() {
        Some(address) if address.contains(':') => format!("[{address}]:{}", value["port"]),
        Some(address) => format!("{address}:{}", value["port"]),
        None => "-".into(),
    };
    records
        .iter()
        .map(|record| {
            let owner = &record["owners"][0];
            format!(
                "{} {} {} {} {}",
                address(&record["local"]),
                address(&record["peer"]),
                record["receive_queue_bytes"],
                owner["pid"],
                owner["fd"]
            )
        })
        .collect()
}

#[test]
fn ss_tells_the_same() {
    let _alone = alone();
    if !(has("ss") && fresh_namespace()) {
        return;
    }
    let sockets = sockets();
    let mut ss = Command::new("ss");
    ss.args(["-uanpH"]);
    let theirs: Told = run(ss)
        .stdout
        .lines()
        .map(|line| {
            let fields: Vec<_> = line.split_ascii_whitespace().collect();
            let local = fields[3].replace('*', "[::]");
            let remote = match fields[4] {
                "0.0.0.0:*" | "[::]:*" | "*:*" => "-",
                peer => peer,
            };
            let number = |key: &str| {
                let rest = fields[5].split(key).nth(1).expect("an owner");
                rest.chars()
                    .take_while(char::is_ascii_digit)
                    .collect::<String>()
            };
            format!(
                "{local} {remote} {} {} {}",
                fields[1],
                number("pid="),
                number("fd=")
            )
        })
        .collect();
    assert_eq!(theirs.len(), sockets.len());
    assert_eq!(ours(), theirs);
}

#[test]
fn the_kernels_list_is_the_same() {
    let _alone = alone();
    if !(has("python3") && fresh_namespace()) {
        return;
    }
    let sockets = sockets();
    // Ports, bytes waiting, user and inode of each line, by Python.
    let program = "for f in ('udp', 'udp6'):\n \
        for l in list(open('/proc/net/' + f))[1:]:\n  \
        w = l.split()\n  \
        print(int(w[1][-4:], 16), int(w[2][-4:], 16), int(w[4].split(':')[1], 16), w[7], w[9], w[12])";
    let mut python = Command::new("python3");
    python.args(["-c", program]);
    let theirs: BTreeSet<_> = run(python).stdout.lines().map(str::to_owned).collect();
    let ours: BTreeSet<_> = json_lines(&finish(&["ports", "--json"]).stdout)
        .iter()
        .map(|record| {
            let peer = record["peer"]["port"].as_u64().unwrap_or(0);
            format!(
                "{} {peer} {} {} {} {}",
                record["local"]["port"],
                record["receive_queue_bytes"],
                record["uid"],
                record["inode"],
                record["kernel_drops"]
            )
        })
        .collect();
    assert_eq!(ours.len(), sockets.len());
    assert_eq!(ours, theirs);
}

/// Where netlink is forbidden, as some containers have it, `/proc/net/udp` answers, and that is said.
#[test]
fn without_netlink_procfs_answers() {
    let _alone = alone();
    if !(has("python3") && fresh_namespace()) {
        return;
    }
    let sockets = sockets();
    // A seccomp filter that refuses socket(AF_NETLINK, ..) with EPERM: load the call's number, then
    // its first argument (linux/filter.h, linux/seccomp.h).
    let program = "import ctypes, os, struct, sys\n\
        number = {'x86_64': 41, 'aarch64': 198}[os.uname().machine]\n\
        code = [(0x20, 0, 0, 0), (0x15, 0, 3, number), (0x20, 0, 0, 16), (0x15, 0, 1, 16),\n  \
        (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7fff0000)]\n\
        filter = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *c) for c in code))\n\
        fprog = struct.pack('HP', len(code), ctypes.addressof(filter))\n\
        libc = ctypes.CDLL(None)\n\
        assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, fprog) == 0\n\
        os.execv(sys.argv[1], sys.argv[1:])";
    let mut python = Command::new("python3");
    python.args([
        "-c",
        program,
        env!("CARGO_BIN_EXE_udpraw"),
        "ports",
        "--json",
    ]);
    let end = run(python);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let want = "operation not permitted (EPERM); /proc/net/udp is read instead";
    assert!(end.stderr.contains(want), "{}", end.stderr);
    let told = told(&json_lines(&end.stdout));
    assert_eq!(told.len(), sockets.len());
    assert_eq!(told, ours());
    let records = json_lines(&end.stdout);
    assert!(
        records
            .iter()
            .all(|record| record["receive_buffer_bytes"].is_null())
    );
    assert!(records.iter().all(|record| record["reuse_port"] == false));
}
