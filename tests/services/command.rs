//! `udpraw services` as a process.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::common::{Finished, finish, left};
use udpraw::services::Services;

fn udpraw(arguments: &[&str]) -> Finished {
    finish(&[&["services"], arguments].concat())
}

/// A services file that lives as long as its directory.
struct File(tempfile::TempDir);

impl File {
    fn new(content: impl AsRef<[u8]>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("services"), content).expect("a file");
        Self(directory)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("services")
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        let path = self.path();
        udpraw(&[arguments, &["--file", path.to_str().expect("UTF-8")]].concat())
    }
}

const SMALL: &str = "\
ssh 22/tcp # Secure Shell
domain 53/tcp
domain 53/udp
http 80/tcp www web # World Wide Web
chat 50000/udp
amqp 5672/sctp
";

#[test]
fn a_lookup_prints_aligned_lines() {
    let run = File::new(SMALL).run(&["lookup", "ssh", "53", "www"]);
    assert_eq!(
        run.stdout,
        "\
ssh     22/tcp  -        well-known  Secure Shell
domain  53/tcp  -        well-known
domain  53/udp  -        well-known
http    80/tcp  www,web  well-known  World Wide Web
"
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_protocol_narrows_a_lookup() {
    let file = File::new(SMALL);
    for arguments in [
        &["lookup", "53/udp"][..],
        &["lookup", "domain/UDP"],
        &["lookup", "domain", "--proto", "udp"],
        &["lookup", "53/udp", "--proto", "tcp"],
    ] {
        let run = file.run(arguments);
        assert_eq!(
            run.stdout, "domain  53/udp  -  well-known\n",
            "{arguments:?}"
        );
        assert_eq!(run.code, Some(0));
    }
    assert_eq!(
        file.run(&["lookup", "amqp"]).stdout,
        "amqp  5672/sctp  -  registered\n"
    );
    assert_eq!(
        file.run(&["lookup", "50000"]).stdout,
        "chat  50000/udp  -  dynamic\n"
    );
}

#[test]
fn what_is_not_there_is_said_and_the_rest_printed() {
    let file = File::new(SMALL);
    let run = file.run(&["lookup", "shh", "domain/udp", "4242", "ssh/udp", "zzzzzz"]);
    assert_eq!(run.code, Some(1));
    assert_eq!(run.stdout, "domain  53/udp  -  well-known\n");
    let path = file.path();
    let path = path.display();
    assert_eq!(
        run.stderr,
        format!(
            "\
note: cannot find service 'shh': not in {path}; the nearest is ssh
note: cannot find service of port 4242: {path} has no entry; port 4242 is registered, as are all from 1024 to 49151
note: cannot find service 'ssh/udp': not in {path}; there is ssh, port 22/tcp
note: cannot find service 'zzzzzz': not in {path}
"
        )
    );
}

#[test]
fn bad_queries_are_errors_in_one_line() {
    for (query, want) in [
        ("65536", "error: cannot look up 65536: ports end at 65535\n"),
        (
            "/udp",
            "error: cannot look up '/udp': neither a name nor a port; write ssh, 53 or 53/udp\n",
        ),
        (
            "ssh/",
            "error: cannot look up 'ssh/': no protocol follows the slash\n",
        ),
    ] {
        let run = udpraw(&["lookup", "ssh", query]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{query}");
        assert_eq!(run.stderr, want);
    }
    let run = udpraw(&["lookup", "ssh", "--file", "/nowhere/at/all"]);
    assert_eq!(run.code, Some(2));
    assert_eq!(
        run.stderr,
        "error: cannot read /nowhere/at/all: no such file or directory (ENOENT)\n"
    );
    for arguments in [
        &["lookup"][..],
        &["lookup", "ssh", "--proto", "upd"],
        &["list", "--range", "high"],
        &["check", "/nowhere/at/all"],
        &[],
    ] {
        assert_eq!(udpraw(arguments).code, Some(2), "{arguments:?}");
    }
}

#[test]
fn json_has_every_field() {
    let file = File::new(SMALL);
    let run = file.run(&["lookup", "web", "53/udp", "nothing-like-it", "--json"]);
    assert_eq!(run.code, Some(1));
    let records: Vec<serde_json::Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let [http, domain] = &records[..] else {
        panic!("{records:?}")
    };
    assert_eq!(
        *http,
        serde_json::json!({
            "schema": "udpraw.services/1", "time": http["time"], "event": "service", "name": "http", "port": 80, "protocol": "tcp",
            "aliases": ["www", "web"], "range": "well-known", "comment": "World Wide Web", "line": 4,
        })
    );
    assert_eq!(domain["comment"], serde_json::Value::Null);
}

#[test]
fn a_list_has_every_entry_of_the_machines_file() {
    let services = Services::load(None).expect("a file, or the built-in table");
    let all = udpraw(&["list"]);
    assert_eq!(all.code, Some(0));
    assert_eq!(all.stdout.lines().count(), services.entries().count());
    for (line, entry) in all.stdout.lines().zip(services.entries()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[0], entry.name.to_string());
        assert_eq!(words[1], format!("{}/{}", entry.port, entry.protocol));
    }
}

#[test]
fn a_list_is_narrowed() {
    let file = File::new(SMALL);
    let names = |arguments: &[&str]| -> Vec<String> {
        let run = file.run(&[&["list"], arguments].concat());
        assert_eq!(
            run.code,
            Some(i32::from(run.stdout.is_empty())),
            "{arguments:?}"
        );
        let first = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
        run.stdout.lines().map(first).collect()
    };
    assert_eq!(names(&[]).len(), 6);
    assert_eq!(names(&["--proto", "udp"]), ["domain", "chat"]);
    assert_eq!(names(&["--range", "dynamic"]), ["chat"]);
    assert_eq!(names(&["--range", "registered"]), ["amqp"]);
    assert_eq!(
        names(&["--range", "well-known", "--proto", "tcp"]),
        ["ssh", "domain", "http"]
    );
    assert_eq!(names(&["--range", "dynamic", "--proto", "tcp"]), [""; 0]);
}

#[test]
fn a_check_names_each_bad_line() {
    let file = File::new("good 1/udp\nbad\nworse x/udp\nworst 65536/udp\nnone 0/udp\nhalf 5\n");
    let path = file.path();
    let path = path.to_str().expect("UTF-8");
    let run = udpraw(&["check", path]);
    assert_eq!(run.code, Some(1));
    assert_eq!(
        run.stdout,
        format!(
            "\
{path}:2: error: port missing
{path}:3: error: port 'x' is not a number
{path}:4: error: port 65536 is above 65535
{path}:5: error: port 0 is reserved
{path}:6: error: protocol missing after the port
"
        )
    );
    assert_eq!(
        run.stderr,
        format!("{path}: 6 lines, 1 service; 5 errors, 0 warnings\n")
    );

    let run = udpraw(&["check", path, "--json"]);
    let first = run.stdout.lines().next().expect("a finding");
    let record: serde_json::Value = serde_json::from_str(first).expect("JSON");
    assert_eq!(
        record,
        serde_json::json!({
            "schema": "udpraw.services/1", "time": record["time"], "event": "problem", "file": path, "line": 2,
            "severity": "error", "message": "port missing",
        })
    );
}

#[test]
fn a_check_of_a_clean_file_says_yes_and_warnings_can_be_left_out() {
    let clean = File::new(SMALL);
    let run = udpraw(&["check", clean.path().to_str().expect("UTF-8")]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""));

    let warned = File::new("good 1/udp\ngood 1/udp\ngood 2/udp\nbad_name 3/udp\nodd 4/icmp\n");
    let path = warned.path();
    let path = path.to_str().expect("UTF-8");
    let run = udpraw(&["check", path]);
    assert_eq!((run.code, run.stdout.lines().count()), (Some(1), 4));
    assert!(
        run.stdout.lines().all(|line| line.contains(": warning: ")),
        "{}",
        run.stdout
    );
    let run = udpraw(&["check", path, "--errors-only"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""));
}

#[test]
fn nothing_in_a_hostile_file_reaches_the_terminal() {
    let file = File::new(
        b"\x1b]0;owned\x07 1/udp \x1b[2J\xff # \x1b[31mred\r\x1b[0m\n\xc2\x9b1m 2/\x1b[m\nx \x1b[m/udp\nlong 3/udp \
          \xe2\x80\xae\n",
    );
    let path = file.path();
    let path = path.to_str().expect("UTF-8");
    let runs = [
        file.run(&["list"]),
        file.run(&["lookup", "1", "2", "\x1b[31m"]),
        file.run(&["list", "--json"]),
        udpraw(&["check", path]),
    ];
    for run in runs {
        assert!(!run.stdout.is_empty());
        for text in [run.stdout, run.stderr] {
            let bad = |c: char| c != '\n' && c.is_ascii_control();
            assert!(!text.contains(bad), "{text:?}");
        }
    }
    assert!(
        file.run(&["list"])
            .stdout
            .starts_with(r"\u{1b}]0;owned\u{7}")
    );
    assert!(!file.run(&["list"]).stdout.contains(['\u{9b}', '\u{202e}']));
}

/// Global options may stand anywhere; those of the lookup and a query are no part of another command.
#[test]
fn options_before_a_command() {
    let file = File::new("one 4000/udp\n");
    let path = file.path();
    let path = path.to_str().expect("UTF-8");
    for words in [
        &["--json", "list", "--file", path] as &[&str],
        &["--json", "lookup", "one", "--file", path],
        &["--json", "check", path],
    ] {
        let end = udpraw(words);
        assert_eq!(end.code, Some(0), "{words:?}: {}", end.stderr);
        let is_list = words.contains(&"check") || end.stdout.contains("\"name\":\"one\"");
        assert!(is_list, "{words:?}: {}", end.stdout);
    }
    for words in [
        &["one", "list"] as &[&str],
        &["--file", path, "list"],
        &["--proto", "udp", "check"],
        &["--file", path, "lookup", "one"],
    ] {
        let end = udpraw(words);
        assert_eq!((end.code, end.stdout.as_str()), (Some(2), ""), "{words:?}");
        assert!(end.stderr.contains("stands before it"), "{}", end.stderr);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let file = File::new("some-service 4000/udp # something\n".repeat(100_000));
    let mut child = Command::new(env!("CARGO_BIN_EXE_udpraw"))
        .args(["services", "list", "--file"])
        .arg(file.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut first = [0; 100];
    let mut out = child.stdout.take().expect("piped");
    out.read_exact(&mut first).expect("some lines");
    drop(out);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn without_the_machines_file_the_built_in_table_answers() {
    // An empty /etc, in a mount namespace of its own.
    let hidden = |arguments: &[&str]| {
        let script = r#"mount -t tmpfs none /etc && echo mounted && exec "$0" services "$@""#;
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_udpraw")]);
        let why = match command.args(arguments).stdin(Stdio::null()).output() {
            Ok(output) if output.stdout.starts_with(b"mounted\n") => return Some(left(output)),
            Ok(output) => left(output).stderr,
            Err(error) => error.to_string(),
        };
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "{why}"
        );
        eprintln!("SKIPPED: /etc cannot be hidden here: {why}");
        None
    };
    let Some(run) = hidden(&["lookup", "ssh"]) else {
        return;
    };
    assert_eq!(run.code, Some(0));
    assert_eq!(
        run.stdout,
        "mounted\nssh  22/tcp  -  well-known  Secure Shell\n"
    );
    assert_eq!(
        run.stderr,
        "note: this machine has neither /etc/services nor /usr/etc/services; using the built-in table\n"
    );
    // What is asked for by name must be there.
    let check = hidden(&["check"]).expect("as before");
    assert_eq!(check.code, Some(2));
    assert!(
        check.stderr.contains("cannot read /etc/services"),
        "{}",
        check.stderr
    );
    // A distribution that keeps its own file elsewhere, as openSUSE does.
    let script = "mount -t tmpfs none /etc && mkdir -p /usr/etc && mount -t tmpfs none /usr/etc && \
                  echo 'elsewhere 4242/udp' >/usr/etc/services && exec \"$0\" services lookup 4242/udp";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_udpraw")]);
    // The folder may have to be made, where nothing else is mounted.
    let was_there = std::path::Path::new("/usr/etc").exists();
    command.stdin(Stdio::null());
    let run = crate::common::run(command);
    if !was_there {
        let _ = std::fs::remove_dir("/usr/etc");
    }
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stdout.starts_with("elsewhere  4242/udp"),
        "{}",
        run.stdout
    );
    assert_eq!(
        run.stderr,
        "note: this machine has no /etc/services; using /usr/etc/services\n"
    );
}
