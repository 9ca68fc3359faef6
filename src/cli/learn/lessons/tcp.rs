//! TCP does both jobs: two writes, one read, complete and in order.

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "tcp",
    chapter: Chapter::Unreliable,
    words: |text| text.tcp(),
    answer: 1,
    run,
    attempt: "udpraw trace --only all -- python3 -m http.server",
    source: "RFC 9293; tcp(7)",
};

const TEXTS: [&str; 2] = ["one ", "two"];

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["server", "client"])?;
    stage.must(0, "socket tcp")?;
    stage.must(0, "bind 127.0.0.1:0")?;
    stage.must(0, "listen")?;
    let server = stage.must(0, "name")?.address()?;
    stage.must(1, "socket tcp")?;
    stage.must(1, format_args!("connect {server}"))?;
    stage.must(0, "accept")?;
    for text in TEXTS {
        stage.must(1, format_args!("write {text}"))?;
    }
    let read = stage.must(0, "recv")?.datagram()?.text();
    expect(read == TEXTS.concat(), "both writes at once", &read)?;
    show.say(move |it| it.tcp_one_read(TEXTS.len(), &read));

    stage.must(0, "socket udp")?;
    stage.must(0, format_args!("bind {server}"))?;
    stage.must(1, "socket udp")?;
    for text in TEXTS {
        stage.must(1, format_args!("send {server} {text}"))?;
    }
    for text in TEXTS {
        let received = stage.must(0, "recv")?.datagram()?.text();
        expect(received == text, "one datagram", &received)?;
    }
    show.say(|it| it.tcp_udp_beside(TEXTS.len(), TEXTS.len()));
    show.close(stage);
    Ok(())
}
