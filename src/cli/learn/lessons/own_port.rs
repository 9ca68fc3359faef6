//! The operating system picks the client's port; its address is 0.0.0.0 before routing.

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "own-port",
    chapter: Chapter::Socket,
    words: |text| text.own_port(),
    answer: 1,
    run,
    attempt: "udpraw client",
    source: "ip(7), ip_local_port_range; getsockname(2)",
};

/// Where the kernel tells from which ports it picks.
const RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["server", "client"])?;
    stage.must(0, "socket")?;
    stage.must(0, "bind 127.0.0.1:0")?;
    let server = stage.must(0, "name")?.address()?;
    stage.must(1, "socket")?;
    let before = stage.must(1, "name")?.address()?;
    expect(before.port() == 0, "no port yet", before)?;
    show.say(|it| it.own_port_before());
    stage.must(1, format_args!("send {server} hello"))?;
    let after = stage.must(1, "name")?.address()?;
    expect(after.port() != 0, "a port that the kernel picked", after)?;
    expect(after.ip().is_unspecified(), "no IP address yet", after)?;
    let range = std::fs::read_to_string(RANGE).unwrap_or_default();
    let mut ends = range.split_whitespace().filter_map(|end| end.parse().ok());
    let (low, high) = (ends.next().unwrap_or(32_768), ends.next().unwrap_or(60_999));
    let port = after.port();
    expect(
        (low..=high).contains(&port),
        "a port of the local range",
        port,
    )?;
    show.say(move |it| it.own_port_picked(port, low, high));
    show.say(move |it| it.own_port_unspecified(after));
    stage.must(1, format_args!("connect {server}"))?;
    let routed = stage.must(1, "name")?.address()?;
    expect(
        !routed.ip().is_unspecified() && routed.port() == port,
        "an IP address",
        routed,
    )?;
    show.say(move |it| it.own_port_routed(routed));
    show.close(stage);
    Ok(())
}
