//! A socket is an endpoint; to the operating system it is an integer. Family and type choose IPv4 and UDP.

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "socket",
    chapter: Chapter::Socket,
    words: |text| text.socket(),
    answer: 0,
    run,
    attempt: "udpraw ports",
    source: "socket(2); socket(7)",
};

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["program"])?;
    let first = stage.must(0, "socket udp")?.number()?;
    let second = stage.must(0, "socket tcp")?.number()?;
    expect(second > first, "another number", second)?;
    show.say(move |it| it.socket_number(first));
    for (place, family, kind, style, protocol) in [
        (0, "AF_INET", "SOCK_DGRAM", libc::SOCK_DGRAM, "UDP"),
        (1, "AF_INET", "SOCK_STREAM", libc::SOCK_STREAM, "TCP"),
    ] {
        stage.must(0, format_args!("use {place}"))?;
        let found = stage.must(0, "get SO_TYPE")?;
        let is_so = found.text() == kind || found.text() == style.to_string();
        expect(is_so, "the type that was asked for", found.text())?;
        show.say(move |it| it.socket_kind(family, kind, protocol));
    }
    stage.must(0, "use 0")?;
    stage.must(0, "close")?;
    let third = stage.must(0, "socket udp")?.number()?;
    expect(third == first, "the number that was free again", third)?;
    show.say(move |it| it.socket_again(first, third));
    stage.must(0, "bind 127.0.0.1:0")?;
    let address = stage.must(0, "name")?.address()?;
    expect(address.port() != 0, "a port", address)?;
    show.say(move |it| it.socket_endpoint(address));
    show.close(stage);
    Ok(())
}
