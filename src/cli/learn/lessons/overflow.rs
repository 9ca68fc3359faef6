//! Buffers overflow, and the kernel counts what it drops.

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "overflow",
    chapter: Chapter::Beyond,
    words: |text| text.overflow(),
    answer: 2,
    run,
    attempt: "udpraw ports --watch",
    source: "socket(7), SO_RCVBUF and SO_MEMINFO; proc_net(5)",
};

const SENT: usize = 30;
/// The bytes of each datagram.
const BYTES: usize = 500;
/// What the receiver asks for: the kernel gives its minimum.
const ASKED: usize = 1;

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["receiver", "sender"])?;
    stage.must(0, "socket")?;
    stage.must(0, format_args!("set SO_RCVBUF={ASKED}"))?;
    let got = stage.must(0, "get SO_RCVBUF")?.text().to_owned();
    show.say(move |it| it.overflow_buffer(ASKED, &got));
    stage.must(0, "bind 127.0.0.1:0")?;
    let to = stage.must(0, "name")?.address()?;
    stage.must(1, "socket")?;
    for _ in 0..SENT {
        stage.must(1, format_args!("fill {to} {BYTES}"))?;
    }
    let drops = drops(stage.must(0, "get SO_MEMINFO")?.text());
    let mut arrived = 0;
    while stage.must(0, "wait 0")?.number()? > 0 {
        stage.must(0, "recv")?;
        arrived += 1;
    }
    let Some(drops) = drops else {
        return expect(false, "the counter of drops", "none");
    };
    expect(drops > 0, "some drops", drops)?;
    expect(arrived + drops == SENT, "an account of all", arrived)?;
    show.say(move |it| it.overflow_counted(SENT, arrived, drops));
    show.close(stage);
    Ok(())
}

/// The counter of drops in the value of SO_MEMINFO: the last number.
fn drops(text: &str) -> Option<usize> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit());
    numbers.rfind(|number| !number.is_empty())?.parse().ok()
}
