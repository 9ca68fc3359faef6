//! Path MTUs asked of whoever answers: of a closed port, by ICMP.

use super::*;

/// Asks four kinds of services over a narrow link: whoever answers, the limit is the same.
fn ask_whoever_answers(host: &str, with_icmp: bool) {
    let Some(row) = Namespaces::row() else { return };
    narrow(&row, 1400);
    let program = env!("CARGO_BIN_EXE_udpraw");
    let server = ["server", "--quiet", "--host", "::", "--port"];
    let _length = serve(&row, program, &[&server[..], &["1060"]].concat());
    let _echo = serve(
        &row,
        program,
        &[&server[..], &["1061", "--reply", "echo"]].concat(),
    );
    let _other = serve(
        &row,
        program,
        &[&server[..], &["1062", "--reply-text", "thanks"]].concat(),
    );
    if !with_icmp {
        // Port unreachable still comes: from C.
        no_icmp(&row);
    }
    for (port, answers) in [
        ("1060", "length"),
        ("1061", "echo"),
        ("1062", "reply"),
        ("9", "icmp"),
    ] {
        forget(&row);
        let (found, code) = ask(&row, &[host, "--port", port]);
        assert_eq!(code, Some(0));
        assert_eq!(found["reply_kind"], answers, "{found}");
        let limit = if with_icmp { "icmp" } else { "black-hole" };
        assert_found(&found, limit, 1400, host);
    }
}

#[test]
fn whoever_answers_where_icmp_tells() {
    ask_whoever_answers(V4, true);
    ask_whoever_answers(V6, true);
}

#[test]
fn a_black_hole_whoever_answers() {
    ask_whoever_answers(V4, false);
}

#[test]
fn a_black_hole_by_ipv6_whoever_answers() {
    ask_whoever_answers(V6, false);
}
