//! `udpraw tour`: the fresh start.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::common::{finish, has, json_lines, run, skip};

#[test]
fn both_lessons_are_shown() {
    let end = finish(&["tour"]);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    for want in [
        "1. Two programs, two sockets, one datagram each way",
        "$ udpraw server --port 0 --count 1",
        " server │ Listening at ('127.0.0.1', ",
        " client │ The OS assigned me the address ('0.0.0.0', ",
        " client │ The server ('127.0.0.1', ",
        "replied 'Your data was 38 bytes long'",
        "2. The same exchange, call by call",
    ] {
        assert!(end.stdout.contains(want), "no {want:?} in\n{}", end.stdout);
    }
    assert!(
        !end.stdout.contains('\x1b'),
        "colours where there is no terminal"
    );
    if end.stderr.contains("the calls cannot be shown") {
        return skip(&end.stderr);
    }
    let calls: Vec<_> = end
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix(" server │ "))
        .collect();
    let second = calls
        .iter()
        .position(|call| call.starts_with("socket("))
        .expect("the calls");
    let names: Vec<_> = calls[second..]
        .iter()
        .map(|call| call.split('(').next().unwrap_or_default())
        .collect();
    assert_eq!(
        names,
        [
            "socket",
            "bind",
            "getsockname",
            "recvfrom",
            "sendto",
            "getsockopt"
        ]
    );
    // Whether the reply was awaited or there already is the machine's doing.
    let words = end.stdout.replace('│', " ");
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains(": 38 bytes, from 127.0.0.1 port "),
        "{words}"
    );
    // Every call has its sentence.
    assert!(!end.stdout.contains("The program calls "), "{}", end.stdout);
}

#[test]
fn one_lesson_by_name_as_json() {
    let end = finish(&["tour", "exchange", "--json"]);
    let records = json_lines(&end.stdout);
    assert_eq!(records[0]["event"], "lesson");
    assert!(
        records
            .iter()
            .all(|record| record["schema"] == "udpraw.tour/1")
    );
    let said = |program: &str| {
        records
            .iter()
            .filter(|r| r["event"] == "line" && r["program"] == program)
            .count()
    };
    // Listening, the client says, the summary; the address, the reply.
    assert_eq!((said("server"), said("client")), (3, 2), "{}", end.stdout);
}

#[test]
fn both_programs_calls_come_in_the_order_of_cause_and_effect() {
    let end = finish(&["tour", "syscalls", "--json"]);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    if end.stderr.contains("the calls cannot be shown") {
        return skip(&end.stderr);
    }
    let calls: Vec<String> = json_lines(&end.stdout)
        .iter()
        .filter(|record| record["event"] == "call")
        .map(|record| {
            let call = record["text"].as_str().expect("a call");
            let name = call.split('(').next().unwrap_or_default();
            format!("{} {name}", record["program"].as_str().expect("a name"))
        })
        .collect();
    let at = |call: &str| {
        let found = calls.iter().position(|found| found == call);
        found.unwrap_or_else(|| panic!("no {call} in {calls:?}"))
    };
    assert!(at("server getsockname") < at("client socket"), "{calls:?}");
    assert!(at("client sendto") < at("server recvfrom"), "{calls:?}");
    assert!(at("server recvfrom") < at("server sendto"), "{calls:?}");
    assert!(at("server sendto") < at("client recvfrom"), "{calls:?}");
}

#[test]
fn an_unknown_lesson_is_answered_with_the_known() {
    let end = finish(&["tour", "algebra"]);
    assert_eq!(end.code, Some(2));
    assert!(
        end.stderr.contains("the lessons are: exchange, syscalls"),
        "{}",
        end.stderr
    );
    let end = finish(&["tour", "--list"]);
    assert!(end.stdout.starts_with("exchange "), "{}", end.stdout);
}

/// The files that the dynamic linker needs to start a program.
fn libraries(program: &str) -> Vec<PathBuf> {
    let mut command = Command::new("ldd");
    command.arg(program).stderr(Stdio::null());
    let listed = run(command).stdout;
    let words = listed.split_whitespace();
    words
        .filter(|word| word.starts_with('/'))
        .map(PathBuf::from)
        .collect()
}

/// In an empty folder there is neither /proc, by which a program finds its own file, nor /dev/null.
#[test]
fn both_lessons_are_shown_in_a_folder_without_proc_and_dev() {
    if !(has("ldd") && has("chroot") && has("ip") && has("unshare")) {
        return skip("no ldd, chroot, ip or unshare: there is no empty folder to run in");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let program = env!("CARGO_BIN_EXE_udpraw");
    for library in libraries(program) {
        let to = folder
            .path()
            .join(library.strip_prefix("/").expect("a path"));
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(&library, to).expect("a copy");
    }
    fs::copy(program, folder.path().join("udpraw")).expect("a copy");
    let inside = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--net", "sh", "-ec"])
            .arg("ip link set lo up; exec chroot \"$0\" \"$@\"")
            .arg(folder.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        run(command)
    };
    let begins = inside(&["/udpraw", "--version"]);
    if begins.code != Some(0) {
        return skip(&format!("no chroot can be made here: {}", begins.stderr));
    }
    let end = inside(&["/udpraw", "tour"]);
    assert_eq!(end.code, Some(0), "{}{}", end.stdout, end.stderr);
    for want in ["replied 'Your data was 38 bytes long'", "Try next"] {
        assert!(end.stdout.contains(want), "no {want:?} in\n{}", end.stdout);
    }
    if end.stderr.contains("the calls cannot be shown") {
        return skip(&end.stderr);
    }
    let calls = end.stdout.lines().filter(|line| line.contains("recvfrom("));
    assert_eq!(calls.count(), 2, "{}", end.stdout);
}
