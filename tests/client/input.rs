//! What standard input, and hexadecimal, bring to the client.

use crate::common::{Server, finish, with_input};

#[test]
fn each_line_of_standard_input_is_a_datagram() {
    let server = Server::start(&["--reply", "echo", "--count", "4"]);
    let port = server.port().to_string();
    let end = with_input(
        &["client", "-p", &port, "--stdin"],
        b"one\n\n\xff\r\nno line feed",
    );
    let replies: Vec<_> = end
        .stdout
        .lines()
        .filter_map(|line| line.split_once(" replied "))
        .map(|r| r.1)
        .collect();
    assert_eq!(replies, ["'one'", "''", r"b'\xff\r'", "'no line feed'"]);
    assert_eq!(end.code, Some(0));
    assert!(
        end.stderr
            .starts_with("4 requests, 4 answered; round trip min "),
        "{}",
        end.stderr
    );
}

#[test]
fn hexadecimal_is_any_bytes() {
    let server = Server::start(&["--reply", "echo"]);
    let port = server.port().to_string();
    let end = finish(&["client", "-p", &port, "-q", "--hex", "-m", "C3 a9 00"]);
    let want = format!("The server ('127.0.0.1', {port}) replied b'\\xc3\\xa9\\x00'\n");
    assert_eq!(end.stdout, want);
    let end = with_input(&["client", "-p", &port, "--hex", "--stdin"], b"00\nxyz\n");
    assert_eq!(end.code, Some(2));
    assert!(
        end.stderr.contains("'x' is not a hexadecimal digit"),
        "{}",
        end.stderr
    );
}

#[test]
fn the_largest_datagram_and_one_byte_more() {
    // Quiet, as nobody reads what it prints, and a pipe holds less than the datagram.
    let server = Server::start(&["-q", "--count", "1"]);
    let port = server.port().to_string();
    let arguments = ["client", "-p", port.as_str(), "--stdin"];
    let end = with_input(&arguments, &[b'x'; 65_507]);
    assert!(
        end.stdout
            .ends_with("replied 'Your data was 65507 bytes long'\n"),
        "{}",
        end.stdout
    );
    let end = with_input(&arguments, &[b'x'; 65_508]);
    let want = format!(
        "error: cannot send 65508 bytes to 127.0.0.1:{port}: message too long (EMSGSIZE); a datagram \
         over IPv4 carries at most 65507 bytes"
    );
    assert_eq!(end.code, Some(2));
    assert!(end.stderr.starts_with(&want), "{}", end.stderr);
}
