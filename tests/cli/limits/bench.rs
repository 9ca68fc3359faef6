//! The bench and the server's workers at limits of files, memory, CPUs and threads.

use super::{PROGRAM, Shared, as_user, forbidding, is_root, shell};
use crate::common::{Server, finish, json_lines};

/// A short bench, as arguments of [`shell`].
const SHORT: &str = "bench --time 5ms --trials 3 --only sink --size 64";

/// The backends that have a row.
fn backends(text: &str) -> Vec<String> {
    let records = json_lines(text);
    let rows = records.iter().filter(|record| record["event"] == "result");
    rows.map(|row| row["send"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_backend_that_lacks_files_is_skipped_and_the_others_are_measured() {
    // Two sockets and two rings fit in, one for each direction; the second side's do not.
    let script = format!("ulimit -n 7; exec \"$0\" {SHORT} --json");
    let end = shell(&script, PROGRAM, &[]);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    assert!(
        end.stderr.starts_with("note: skipped uring to uring: ")
            && end.stderr.contains("(EMFILE)")
            && end.stderr.contains("ulimit -n"),
        "{}",
        end.stderr
    );
    assert_eq!(backends(&end.stdout), ["single", "batch", "offload"]);
    let records = json_lines(&end.stdout);
    assert!(
        records
            .iter()
            .any(|record| { record["event"] == "skipped" && record["errno"] == "EMFILE" })
    );
    // Asked for by name, it is a negative result; alone, an error.
    let script = format!("ulimit -n 7; exec \"$0\" {SHORT} --io single,uring --json");
    let end = shell(&script, PROGRAM, &[]);
    assert_eq!(end.code, Some(1), "{}", end.stderr);
    assert_eq!(backends(&end.stdout), ["single"]);
    let script = format!("ulimit -n 7; exec \"$0\" {SHORT} --io uring");
    let end = shell(&script, PROGRAM, &[]);
    assert_eq!((end.code, end.stdout.as_str()), (Some(2), ""));
}

#[test]
fn the_limit_of_locked_memory_costs_io_uring_alone() {
    if !is_root() {
        return;
    }
    let copy = Shared::new();
    for kib in [0, 64] {
        let script = format!(
            "ulimit -l {kib}; exec {} \"$0\" {SHORT} --json",
            as_user(64_101)
        );
        let end = shell(&script, &copy.path(), &[]);
        assert_eq!(end.code, Some(0), "{}", end.stderr);
        let backends = backends(&end.stdout);
        assert_eq!(
            backends[..3],
            ["single", "batch", "offload"],
            "{}",
            end.stdout
        );
        // Older kernels charge it to the memory cgroup, and two rings may just fit.
        if backends.len() == 3 {
            let want = format!("{kib} KiB: raise it with ulimit -l");
            assert!(end.stderr.contains(&want), "{}", end.stderr);
        }
    }
}

#[test]
fn a_small_address_space_ends_nothing() {
    for kib in [70_000, 90_000] {
        let script = format!("ulimit -v {kib}; exec \"$0\" {SHORT} --json");
        let end = shell(&script, PROGRAM, &[]);
        assert_eq!(end.code, Some(0), "{}", end.stderr);
        // How much is left for the larger backends differs from run to run.
        assert_eq!(backends(&end.stdout)[0], "single");
        for note in end.stderr.lines() {
            assert!(
                note.contains("(ENOMEM)") && note.contains("ulimit -v"),
                "{note}"
            );
        }
    }
}

#[test]
fn where_no_cpu_may_be_chosen_the_scheduler_does() {
    let forbidden = || finish(&SHORT.split(' ').chain(["--json"]).collect::<Vec<_>>());
    let end = forbidding(libc::SYS_sched_setaffinity, None, libc::EPERM, forbidden);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    assert!(
        end.stderr.contains("cannot pin threads to CPUs") && end.stderr.contains("(EPERM)"),
        "{}",
        end.stderr
    );
    let records = json_lines(&end.stdout);
    let rows = records.iter().filter(|record| record["event"] == "result");
    assert!(rows.clone().count() > 0);
    for row in rows {
        assert!(row["send_cpu"].is_null(), "{row}");
    }
    // The workers of a server too.
    let serve = || {
        let mut server = Server::start(&["--workers", "2", "--reply", "echo"]);
        let client = server.client();
        assert_eq!(crate::common::ask(&client, b"here?"), b"here?");
        assert!(server.line().contains("here?"));
        server.interrupt()
    };
    let end = forbidding(libc::SYS_sched_setaffinity, None, libc::EPERM, serve);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    assert!(
        end.stderr.contains("cannot pin threads to CPUs"),
        "{}",
        end.stderr
    );
}

#[test]
fn a_thread_that_cannot_be_had_is_an_error_and_no_panic() {
    if !is_root() {
        return;
    }
    let copy = Shared::new();
    let limited = |words: &str| {
        let script = format!("exec prlimit --nproc=1 {} \"$0\" {words}", as_user(64_102));
        shell(&script, &copy.path(), &[])
    };
    for words in [SHORT, "server --port 0 --workers 2"] {
        let end = limited(words);
        assert_eq!(end.code, Some(2), "{words}: {}", end.stderr);
        let last = end.stderr.lines().last().unwrap_or_default();
        assert!(
            last.starts_with("error: cannot start a thread") && last.contains("ulimit -u"),
            "{words}: {}",
            end.stderr
        );
        assert!(!end.stderr.contains("panicked"), "{}", end.stderr);
    }
    // A lesson that lacks its threads ends too.
    let end = limited("tour exchange");
    assert!(!end.stderr.contains("panicked"), "{}", end.stderr);
}

#[test]
fn a_receiver_without_a_thread_says_so() {
    if !is_root() {
        return;
    }
    let copy = Shared::new();
    let folder = tempfile::tempdir().unwrap();
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(folder.path(), everybody).unwrap();
    let target = folder.path().join("stored");
    let mut command = std::process::Command::new("sh");
    let script = format!(
        "exec prlimit --nproc=1 {} \"$0\" recv --open --port 0 --bind 127.0.0.1 -o \"$1\"",
        as_user(64_103)
    );
    command.args(["-ec", &script, &copy.path()]).arg(&target);
    command.stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    let mut receiving = command.spawn().unwrap();
    let mut talk = std::io::BufReader::new(receiving.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut talk, &mut line).unwrap();
    let port = crate::common::listening(line.trim_end()).port().to_string();
    let sent = finish(&["send", "127.0.0.1", PROGRAM, "--open", "--port", &port]);
    assert_eq!(sent.code, Some(1), "{}", sent.stderr);
    assert!(
        sent.stderr.contains("cannot start a thread"),
        "{}",
        sent.stderr
    );
    assert_eq!(receiving.wait().unwrap().code(), Some(2));
    assert!(!target.exists());
}
