//! Many datagrams in one call: UDP_SEGMENT.

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "batches",
    chapter: Chapter::Beyond,
    words: |text| text.batches(),
    answer: 2,
    run,
    attempt: "udpraw bench --only sink --io single,offload",
    source: "udp(7), UDP_SEGMENT; sendmmsg(2)",
};

/// How many datagrams one call sends: before Linux 6.9 at most 64.
const COUNTS: [usize; 2] = [100, 60];
const BYTES: usize = 100;

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["receiver", "sender"])?;
    stage.must(0, "socket")?;
    stage.must(0, "bind 127.0.0.1:0")?;
    let to = stage.must(0, "name")?.address()?;
    stage.must(1, "socket")?;
    stage.must(1, format_args!("set UDP_SEGMENT={BYTES}"))?;
    let [many, fewer] = COUNTS;
    let sent = match stage.act(1, format_args!("fill {to} {}", many * BYTES))? {
        Ok(_) => many,
        Err(_) => {
            stage.must(1, format_args!("fill {to} {}", fewer * BYTES))?;
            fewer
        }
    };
    show.say(move |it| it.batches_sent(sent, sent * BYTES));
    let mut arrived = 0;
    while stage.must(0, "wait 0")?.number()? > 0 {
        let length = stage.must(0, "recv")?.datagram()?.length;
        expect(length == BYTES, "a datagram of the segment's size", length)?;
        arrived += 1;
    }
    expect(arrived == sent, "all datagrams", arrived)?;
    show.say(move |it| it.batches_arrived(arrived, BYTES));
    show.close(stage);
    Ok(())
}
