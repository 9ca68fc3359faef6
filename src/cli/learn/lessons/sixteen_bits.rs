//! A port is an unsigned 16-bit number, and 65536 is not one.

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect, expect_errno};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "sixteen-bits",
    chapter: Chapter::Finding,
    words: |text| text.sixteen_bits(),
    answer: 1,
    run,
    attempt: "udpraw client 127.0.0.1 65536",
    source: "RFC 768, \"Fields\"; ip(7)",
};

/// The number that the notes have.
const TOO_MANY: u32 = 65_536;

/// How many of the highest ports are tried: others may hold some.
const TRIED: u16 = 64;

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["program"])?;
    stage.must(0, "socket")?;
    let mut highest = None;
    for port in (u16::MAX - TRIED..=u16::MAX).rev() {
        match stage.act(0, format_args!("bind 127.0.0.1:{port}"))? {
            Ok(_) => {
                highest = Some(port);
                break;
            }
            Err(errno) => expect(errno == libc::EADDRINUSE, "a free port", errno)?,
        }
    }
    let Some(highest) = highest else {
        return expect(false, "a free port near 65535", "none");
    };
    let bound = stage.must(0, "name")?.address()?.port();
    expect(bound == highest, "the port that was asked for", bound)?;
    show.say(move |it| it.sixteen_bits_highest(highest));
    let answer = stage.act(0, format_args!("send 127.0.0.1:{TOO_MANY} hello"))?;
    expect_errno(&answer, libc::EINVAL, "a refusal of port 65536")?;
    let became = (TOO_MANY & 0xffff) as u16;
    show.say(move |it| it.sixteen_bits_cut(TOO_MANY, became));
    show.say(move |it| it.sixteen_bits_refused(became, libc::EINVAL));
    show.close(stage);
    Ok(())
}
