//! A pair of endpoints names a flow: one socket serves three clients.

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "flow",
    chapter: Chapter::Finding,
    words: |text| text.flow(),
    answer: 0,
    run,
    attempt: "udpraw server",
    source: "RFC 768; udp(7)",
};

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["server", "client 1", "client 2", "client 3"])?;
    let descriptor = stage.must(0, "socket")?.number()?;
    stage.must(0, "bind 127.0.0.1:0")?;
    let server = stage.must(0, "name")?.address()?;
    let mut seen = Vec::new();
    for client in 1..=3 {
        stage.must(client, "socket")?;
        stage.must(client, format_args!("send {server} request {client}"))?;
        let request = stage.must(0, "recv")?.datagram()?;
        let Some(from) = request.from else {
            return expect(false, "a sender", "none");
        };
        expect(!seen.contains(&from), "a flow of its own", from)?;
        seen.push(from);
        let text = request.text();
        show.say(move |it| it.flow_seen(from, server, &text));
    }
    for (client, to) in (1..).zip(&seen) {
        stage.must(0, format_args!("send {to} answer {client}"))?;
        let answer = stage.must(client, "recv")?.datagram()?;
        let text = format!("answer {client}");
        expect(answer.text() == text, "its own answer", answer.text())?;
    }
    let flows = seen.len();
    show.say(move |it| it.flow_one_socket(descriptor, flows));
    show.close(stage);
    Ok(())
}
