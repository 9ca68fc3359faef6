//! IP finds the machine: the same port at two addresses.

use std::net::SocketAddr;

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "machine",
    chapter: Chapter::Finding,
    words: |text| text.machine(),
    answer: 1,
    run,
    attempt: "udpraw ports",
    source: "RFC 791, section 2.3; ip(7)",
};

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["first", "second", "sender"])?;
    let (first, second, sender) = (0, 1, 2);
    for actor in [first, second, sender] {
        stage.must(actor, "socket")?;
    }
    stage.must(first, "bind 127.0.0.2:0")?;
    let here = stage.must(first, "name")?.address()?;
    let port = here.port();
    let there = SocketAddr::from(([127, 0, 0, 3], port));
    stage.must(second, format_args!("bind {there}"))?;
    for (actor, to, text) in [
        (first, here, "to the first"),
        (second, there, "to the second"),
    ] {
        stage.must(sender, format_args!("send {to} {text}"))?;
        let found = stage.must(actor, "recv")?.datagram()?.text();
        expect(found == text, "the datagram that was sent there", &found)?;
        show.say(move |it| it.machine_arrived(to, text));
    }
    for actor in [first, second] {
        let more = stage.must(actor, "wait 0")?.number()?;
        expect(more == 0, "nothing more", more)?;
    }
    show.say(move |it| it.machine_same_port(port));
    show.close(stage);
    Ok(())
}
