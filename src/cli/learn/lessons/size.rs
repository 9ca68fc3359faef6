//! 65,535 bytes asked, 65,507 possible.

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect, expect_errno};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "size",
    chapter: Chapter::Socket,
    words: |text| text.size(),
    answer: 1,
    run,
    attempt: "udpraw mtu 127.0.0.1",
    source: "RFC 791, \"Total Length\"; RFC 768, \"Length\"",
};

/// The textbook's MAX_BYTES.
const ASKED: usize = 65_535;
/// What is left without the headers of IPv4 and UDP.
const LARGEST: usize = ASKED - 20 - 8;
/// A buffer that is too small.
const SMALL: usize = 100;

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["receiver", "sender"])?;
    stage.must(0, "socket")?;
    // Each datagram occupies more of the kernel's memory than its bytes.
    stage.must(0, "set SO_RCVBUF=200000")?;
    stage.must(0, "bind 127.0.0.1:0")?;
    let to = stage.must(0, "name")?.address()?;
    stage.must(1, "socket")?;
    for bytes in [ASKED, LARGEST + 1] {
        let answer = stage.act(1, format_args!("fill {to} {bytes}"))?;
        expect_errno(&answer, libc::EMSGSIZE, "a refusal of too long a datagram")?;
        show.say(move |it| it.size_refused(bytes, libc::EMSGSIZE));
    }
    stage.must(1, format_args!("fill {to} {LARGEST}"))?;
    let arrived = stage
        .must(0, format_args!("recv {ASKED}"))?
        .datagram()?
        .length;
    expect(arrived == LARGEST, "the whole datagram", arrived)?;
    show.say(move |it| it.size_largest(arrived, ASKED));
    show.say(|it| it.size_headers());
    stage.must(1, format_args!("fill {to} {LARGEST}"))?;
    let cut = stage
        .must(0, format_args!("recv {SMALL}"))?
        .datagram()?
        .length;
    expect(cut == SMALL, "the first bytes", cut)?;
    let more = stage.must(0, "wait 0")?.number()?;
    expect(more == 0, "no rest", more)?;
    show.say(move |it| it.size_truncated(cut, LARGEST));
    show.close(stage);
    Ok(())
}
