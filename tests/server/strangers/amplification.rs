//! Nothing that is sent is more than three times what came.

use crate::common::{Server, ask, client_of};

#[test]
fn a_longer_reply_is_counted_and_not_sent_unless_allowed() {
    let text = "x".repeat(1000);
    for mode in [&[][..], &["--io", "batch"]] {
        let arguments = [&["--reply-text", text.as_str(), "--count", "4"], mode].concat();
        for place in [&["--port", "0"][..], &["--host", "::1", "--port", "0"]] {
            let mut server = Server::on(place, &arguments, 1);
            let headers = if server.addresses[0].is_ipv4() {
                28
            } else {
                48
            };
            // 3 x (headers + least) = headers + 1000.
            let least = (1000_usize - 2 * headers).div_ceil(3);
            let client = client_of(server.addresses[0]);
            for short in [0, 1, least - 1] {
                client.send(&vec![b'y'; short]).unwrap();
            }
            // What comes back is the reply to the fourth.
            assert_eq!(ask(&client, &vec![b'y'; least]).len(), 1000);
            for _ in 0..4 {
                assert!(server.line().starts_with("The client at "));
            }
            let end = server.running.finish();
            let note = "is more than three times the request of 1 byte";
            assert!(end.stderr.contains(note), "{}", end.stderr);
            assert!(
                end.stderr.contains("--allow-amplification"),
                "{}",
                end.stderr
            );
            assert!(
                end.stderr.contains("3 not answered (reply too long)"),
                "{}",
                end.stderr
            );
            assert!(
                end.stderr.contains("1 reply (1000 bytes)"),
                "{}",
                end.stderr
            );
        }
    }
    let server = Server::start(&["--reply-text", &text, "--allow-amplification"]);
    assert_eq!(ask(&server.client(), b"").len(), 1000);
}
