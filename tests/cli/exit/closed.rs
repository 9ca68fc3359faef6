//! A standard stream that was closed (`>&-`): no command claims to have read or written it.

use std::process::Command;

use crate::common::{Finished, finish, run, socket, udpraw};

/// Runs the program under a shell with that redirection.
fn redirected(redirection: &str, arguments: &[&str]) -> Finished {
    let program = udpraw([""; 0]);
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("exec \"$0\" \"$@\" {redirection}")])
        .arg(program.get_program())
        .args(arguments);
    run(command)
}

#[test]
fn no_command_claims_to_have_printed() {
    let taken = socket();
    let port = taken.local_addr().unwrap().port().to_string();
    let commands: &[&[&str]] = &[
        &["--help"],
        &["--version"],
        &["server", "--help"],
        &["server", "-p", "0"],
        &["server", "-p", "0", "--json"],
        &["relay", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9"],
        &["recv", "-p", "0"],
        &["recv", "-p", "0", "-o", "-"],
        &["services", "list"],
        &["options"],
        &["ports", &port],
        &["ports", "--json", &port],
        &["probe", "127.0.0.1", &port, "--all"],
        &["mtu", "127.0.0.1", "--json"],
        &["tour"],
        &["trace", "--", "true"],
        &["completions", "bash"],
        &["man"],
    ];
    for arguments in commands {
        let end = redirected(">&-", arguments);
        assert_eq!(end.code, Some(2), "{arguments:?}: {}", end.stderr);
        assert!(
            end.stderr.contains("standard output") && end.stderr.contains("> /dev/null"),
            "{arguments:?}: {}",
            end.stderr
        );
    }
}

/// As Python's DEVNULL, it is open for reading too, just as what the runtime opens.
#[test]
fn a_null_device_that_was_given_is_fine() {
    for redirection in ["> /dev/null", "1<> /dev/null", "<&- > /dev/null"] {
        let end = redirected(redirection, &["services", "list"]);
        assert_eq!((end.code, &end.stderr[..]), (Some(0), ""), "{redirection}");
    }
    // Nobody hears the errors, and it works.
    let end = redirected("2>&-", &["services", "list"]);
    assert_eq!(end.code, Some(0));
    assert_eq!(end.stdout, finish(&["services", "list"]).stdout);
}

#[test]
fn a_closed_input_is_not_an_empty_one() {
    for arguments in [
        &["send", "127.0.0.1", "-p", "9", "-"][..],
        &["client", "--stdin", "-p", "9"],
    ] {
        let end = redirected("<&-", arguments);
        assert_eq!(end.code, Some(2), "{arguments:?}: {}", end.stderr);
        assert!(
            end.stderr.contains("standard input") && end.stderr.contains("< /dev/null"),
            "{arguments:?}: {}",
            end.stderr
        );
    }
}
