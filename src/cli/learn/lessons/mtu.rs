//! MTU and fragments, in a network namespace whose loopback interface has the MTU of Ethernet.

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect, expect_errno};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "mtu",
    chapter: Chapter::Beyond,
    words: |text| text.mtu(),
    answer: 2,
    run,
    attempt: "udpraw mtu 127.0.0.1",
    source: "RFC 791, section 3.2; RFC 8085, section 3.2; ip(7), IP_MTU_DISCOVER",
};

const MTU: usize = 1500;
/// What the headers of IPv4 and UDP leave.
const FITS: usize = MTU - 20 - 8;
/// What needs fragments.
const LONG: usize = 4000;

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["program"])?;
    let (mtu, fits) = match stage.act(0, format_args!("isolate {MTU}"))? {
        Ok(_) => {
            show.say(|it| it.mtu_interface(MTU));
            (MTU, FITS)
        }
        Err(errno) => {
            show.say(move |it| it.mtu_lacks_namespace(errno));
            (65_535, 65_507)
        }
    };
    stage.must(0, "socket")?;
    stage.must(0, "set SO_RCVBUF=200000")?;
    stage.must(0, "bind 127.0.0.1:0")?;
    let to = stage.must(0, "name")?.address()?;
    stage.must(0, "socket")?;
    stage.must(0, "set IP_MTU_DISCOVER=do")?;
    let answer = stage.act(0, format_args!("fill {to} {}", fits + 1))?;
    expect_errno(&answer, libc::EMSGSIZE, "a refusal above the MTU")?;
    show.say(move |it| it.mtu_refused(fits + 1, libc::EMSGSIZE));
    stage.must(0, format_args!("fill {to} {fits}"))?;
    stage.must(0, "use 0")?;
    let arrived = stage.must(0, "recv")?.datagram()?.length;
    expect(arrived == fits, "the whole datagram", arrived)?;
    show.say(move |it| it.mtu_fits(fits, mtu));
    if mtu == MTU {
        let before = stage.must(0, "fragments")?.number()?;
        stage.must(0, "use 1")?;
        stage.must(0, "set IP_MTU_DISCOVER=dont")?;
        stage.must(0, format_args!("fill {to} {LONG}"))?;
        stage.must(0, "use 0")?;
        let arrived = stage.must(0, "recv")?.datagram()?.length;
        expect(arrived == LONG, "one datagram", arrived)?;
        let fragments = stage.must(0, "fragments")?.number()?.saturating_sub(before);
        expect(fragments == LONG.div_ceil(MTU - 20), "fragments", fragments)?;
        show.say(move |it| it.mtu_fragments(LONG, fragments));
    }
    show.close(stage);
    Ok(())
}
