//! bind takes host and port; a port in use is an error, and somebody holds it.

use std::net::SocketAddr;

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect, expect_errno};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "bind",
    chapter: Chapter::Socket,
    words: |text| text.bind(),
    answer: 1,
    run,
    attempt: "udpraw ports 53",
    source: "bind(2); ip(7)",
};

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["first", "second"])?;
    stage.must(0, "socket")?;
    stage.must(0, "bind 127.0.0.1:0")?;
    let address = stage.must(0, "name")?.address()?;
    show.say(move |it| it.bind_done(address));
    stage.must(1, "socket")?;
    let answer = stage.act(1, format_args!("bind {address}"))?;
    expect_errno(&answer, libc::EADDRINUSE, "a refusal of a port in use")?;
    show.say(move |it| it.bind_taken(address, libc::EADDRINUSE));
    // Without /proc nobody can tell.
    let snapshot = udpraw::ports::read(&[address.port()]).ok();
    let sockets = snapshot
        .map(|snapshot| snapshot.sockets)
        .unwrap_or_default();
    let held = sockets.iter().find(|socket| socket.local == address);
    if let Some(owner) = held.and_then(|socket| socket.owners.first()) {
        let (pid, fd) = (owner.process.pid, owner.fd);
        show.say(move |it| it.bind_holder(address.port(), pid, fd));
    }
    let other = SocketAddr::from(([127, 0, 0, 9], address.port()));
    stage.must(1, format_args!("bind {other}"))?;
    let found = stage.must(1, "name")?.address()?;
    expect(found == other, "the other address", found)?;
    show.say(move |it| it.bind_other_host(other));
    show.close(stage);
    Ok(())
}
