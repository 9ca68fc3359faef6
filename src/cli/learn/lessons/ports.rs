//! Multiplexing: three sockets at one address.

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "ports",
    chapter: Chapter::Finding,
    words: |text| text.ports(),
    answer: 2,
    run,
    attempt: "udpraw ports",
    source: "RFC 768; udp(7)",
};

/// The programs, and what is sent to each.
const TEXTS: [&str; 3] = ["for A", "for B", "for C"];

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["A", "B", "C", "sender"])?;
    let sender = TEXTS.len();
    let mut addresses = Vec::new();
    for actor in 0..sender {
        stage.must(actor, "socket")?;
        stage.must(actor, "bind 127.0.0.1:0")?;
        addresses.push(stage.must(actor, "name")?.address()?);
    }
    stage.must(sender, "socket")?;
    for (to, text) in addresses.iter().zip(TEXTS) {
        stage.must(sender, format_args!("send {to} {text}"))?;
    }
    for (actor, (to, text)) in addresses.iter().zip(TEXTS).enumerate() {
        let found = stage.must(actor, "recv")?.datagram()?.text();
        expect(found == text, "the datagram for this port", &found)?;
        let more = stage.must(actor, "wait 0")?.number()?;
        expect(more == 0, "nothing more at this port", more)?;
        let port = to.port();
        show.say(move |it| it.ports_arrived(port, text));
    }
    show.say(move |it| it.ports_only_number_differed(sender));
    show.close(stage);
    Ok(())
}
