//! The command as people meet it.

use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::common::{
    Finished, Running, Server, assert_refused, finish, has, json_lines, run, skip, socket, udpraw,
};
use crate::{alone, fresh_namespace};

#[test]
fn an_empty_namespace_has_nothing() {
    let _alone = alone();
    if !fresh_namespace() {
        return;
    }
    for (arguments, code) in [
        (&["ports"][..], 0),
        (&["ports", "--json"], 0),
        (&["ports", "9", "domain"], 1),
        (&["ports", "--watch", "--count", "1", "9"], 1),
    ] {
        let end = finish(arguments);
        assert_eq!(end.code, Some(code), "{arguments:?}: {}", end.stderr);
        assert!(!end.stdout.contains("0.0.0.0"), "{}", end.stdout);
    }
    let end = finish(&["ports", "9", "domain"]);
    for want in ["port 9 here", "port 53 here"] {
        assert!(end.stderr.contains(want), "{}", end.stderr);
    }
}

#[test]
fn bad_arguments_are_answered_in_one_line() {
    let _alone = alone();
    assert_refused(
        &"ports".split(' ').collect::<Vec<_>>()[..],
        &[
            (&["65536"], &["65536", "65535"]),
            (&["0"], &["port 0"]),
            (&["domian"], &["domian", "domain"]),
            (&["\x1b[31m"], &["\\u{1b}"]),
            (&["--count", "3"], &["--watch"]),
            (&["--watch", "--count", "0"], &["0"]),
        ],
    );
}

/// The rows of a table, cut into fields.
fn rows(end: &Finished) -> Vec<Vec<&str>> {
    let lines = end.stdout.lines().take_while(|line| !line.is_empty());
    lines
        .skip(1)
        .map(|line| line.split_ascii_whitespace().collect())
        .collect()
}

#[test]
fn one_socket_is_told_in_full() {
    let _alone = alone();
    let server = socket();
    let client = socket();
    client.connect(server.local_addr().unwrap()).unwrap();
    client.send(b"unread").unwrap();
    let (at, from) = (server.local_addr().unwrap(), client.local_addr().unwrap());
    let end = finish(&["ports", &at.port().to_string(), &from.port().to_string()]);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let rows = rows(&end);
    assert_eq!(rows.len(), 2, "{}", end.stdout);
    let (at, from) = (at.to_string(), from.to_string());
    let row = rows.iter().find(|row| row[0] == at).expect("the server");
    let pid = std::process::id().to_string();
    let fd = server.as_raw_fd().to_string();
    assert_eq!((row[1], row[4], row[5]), ("-", &pid[..], &fd[..]));
    assert!(row[7].parse::<u32>().unwrap() >= 6, "{row:?}");
    assert!(row[8].parse::<u32>().unwrap() >= 2304, "{row:?}");
    let row = rows.iter().find(|row| row[0] == from).expect("the client");
    assert_eq!(row[1], at);
}

#[test]
fn a_name_moves_no_terminal() {
    let _alone = alone();
    if !has("python3") {
        return;
    }
    let program = "import ctypes, socket, sys\n\
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0))\n\
        ctypes.CDLL(None).prctl(15, b'a\\x1b[31m\\nb\\xff\\\\)', 0, 0, 0)\n\
        print(s.getsockname()[1], flush=True); sys.stdin.read()";
    let mut python = Command::new("python3");
    python.args(["-c", program]);
    python
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped());
    let mut running = Running::start(python);
    let port = running.line();
    let end = finish(&["ports", &port]);
    assert!(
        end.stdout.contains("a\\u{1b}[31m\\nb\\xff\\\\)"),
        "{}",
        end.stdout
    );
    assert!(!end.stdout.contains('\x1b') && end.stdout.lines().count() == 2);
    let end = finish(&["ports", "--json", &port]);
    let record = &json_lines(&end.stdout)[0];
    assert_eq!(record["owners"][0]["process"], "a\u{1b}[31m\nb\u{fffd}\\)");
    let end = finish(&["server", "--port", &port]);
    assert!(
        end.stderr.contains("held by a\\u{1b}[31m\\n"),
        "{}",
        end.stderr
    );
    assert_eq!(end.stderr.lines().count(), 1);
}

#[test]
fn a_taken_port_names_its_holder() {
    let _alone = alone();
    let taken = Server::start(&[]);
    let port = taken.port().to_string();
    let local = format!("127.0.0.1:{port}");
    for arguments in [
        &["server", "--port", &port][..],
        &["server", "--port", &port, "--host", "0.0.0.0"],
        &["server", "--port", &port, "--host", "::"],
        &["server", "--port", &port, "--workers", "2"],
        &["client", "--local", &local, "--port", "9"],
    ] {
        let end = finish(arguments);
        assert_eq!(end.code, Some(2), "{arguments:?}");
        let want = "address already in use (EADDRINUSE): held by udpraw, pid ";
        assert!(end.stderr.contains(want), "{arguments:?}: {}", end.stderr);
        assert!(end.stderr.contains(", fd 3; stop"), "{}", end.stderr);
    }
}

/// The program as nobody, who may not see whose sockets are whose.
fn as_nobody(arguments: &[&str]) -> Option<Finished> {
    if !nix::unistd::geteuid().is_root() {
        skip("only root can become nobody");
        return None;
    }
    if !has("setpriv") {
        return None;
    }
    // Where nobody may go.
    let place = tempfile::tempdir().unwrap();
    let program = place.path().join("udpraw");
    std::fs::copy(env!("CARGO_BIN_EXE_udpraw"), &program).unwrap();
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(place.path(), mode).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command.arg(program).args(arguments);
    Some(run(command))
}

#[test]
fn unknown_owners_are_said_to_be_unknown() {
    let _alone = alone();
    let taken = socket();
    let port = taken.local_addr().unwrap().port().to_string();
    let Some(end) = as_nobody(&["ports", &port]) else {
        return;
    };
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let row = &rows(&end)[0];
    assert_eq!(row[3..7], ["unknown", "-", "-", "root"], "{}", end.stdout);
    assert!(end.stdout.contains("reuse and groups unknown"));
    let want = "the owner of 1 socket is unknown";
    assert!(end.stderr.contains(want) && end.stderr.contains("run it as root"));
    let end = as_nobody(&["ports", "--json", &port]).unwrap();
    let record = &json_lines(&end.stdout)[0];
    assert_eq!(record["owners"], serde_json::json!([]));
    assert!(record["reuse_port"].is_null() && record["multicast_groups"].is_null());
    let end = as_nobody(&["server", "--port", &port]).unwrap();
    let want = "held by a socket of user root; which process has it is unknown: only root can see other users' processes";
    assert!(end.stderr.contains(want), "{}", end.stderr);
}

#[test]
fn groups_are_told_of_the_socket_that_joined() {
    let _alone = alone();
    if !fresh_namespace() {
        return;
    }
    let member = UdpSocket::bind("0.0.0.0:7001").unwrap();
    let group = Ipv4Addr::new(239, 1, 2, 3);
    member
        .join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)
        .unwrap();
    let other = UdpSocket::bind("127.0.0.1:7002").unwrap();
    let member6 = UdpSocket::bind("[::]:7003").unwrap();
    member6
        .join_multicast_v6(&"ff15::7".parse().unwrap(), 1)
        .unwrap();
    let records = json_lines(&finish(&["ports", "--json"]).stdout);
    let groups: Vec<_> = records
        .iter()
        .map(|record| &record["multicast_groups"])
        .collect();
    assert_eq!(
        serde_json::json!(groups),
        serde_json::json!([["239.1.2.3%lo"], [], ["ff15::7%lo"]])
    );
    let end = finish(&["ports", "7003"]);
    assert!(end.stdout.contains("wildcard, also IPv4, ff15::7%lo"));
    drop((member, other, member6));
}

#[test]
fn ten_thousand_sockets_of_one_process_are_all_told() {
    let _alone = alone();
    const MANY: usize = 10_000;
    if !fresh_namespace() {
        return;
    }
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let enough = MANY as u64 + 1_000;
    if setrlimit(Resource::RLIMIT_NOFILE, soft.max(enough), hard.max(enough)).is_err() {
        return skip("the limit of file descriptors cannot be raised here");
    }
    let sockets: Vec<_> = (0..MANY)
        .map(|number| {
            let port = 20_000 + number as u16;
            UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap()
        })
        .collect();
    let end = finish(&["ports", "--json"]);
    let records = json_lines(&end.stdout);
    assert_eq!(records.len(), MANY, "{}", end.stderr);
    for (record, socket) in records.iter().zip(&sockets) {
        let port = socket.local_addr().unwrap().port();
        assert_eq!(record["local"]["port"], port);
        assert_eq!(record["owners"][0]["fd"], socket.as_raw_fd());
        assert_eq!(record["owners"][0]["pid"], std::process::id());
        assert_eq!(record["reuse_address"], false);
    }
    assert_eq!(finish(&["ports"]).stdout.lines().count(), MANY + 1);
    // A reader that goes away ends it quietly.
    let end = Running::start(udpraw(["ports"])).close_stdout();
    assert_eq!((end.code, &end.stderr[..]), (Some(0), ""));
}

/// Processes and sockets come and go while they are read: an answer all the same.
#[test]
fn what_disappears_meanwhile_is_passed_over() {
    let _alone = alone();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let sockets: Vec<_> = (0..50).map(|_| socket()).collect();
                let mut child = Command::new("true").spawn().unwrap();
                drop(sockets);
                child.wait().unwrap();
            }
        });
        let stays = socket();
        let port = stays.local_addr().unwrap().port();
        for _ in 0..100 {
            let all = udpraw::ports::read(&[]).unwrap().sockets;
            let ours = all.iter().find(|socket| socket.local.port() == port);
            let ours = ours.expect("the socket that stays");
            assert!(
                ours.owners
                    .iter()
                    .any(|o| o.process.pid == std::process::id())
            );
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
