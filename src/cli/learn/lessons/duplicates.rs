//! Datagrams are duplicated: a request is executed twice.

use udpraw::error::Result;

use crate::cli::learn::network::network;
use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "duplicates",
    chapter: Chapter::Unreliable,
    words: |text| text.duplicates(),
    answer: 1,
    run,
    attempt: "udpraw relay --listen :5300 --to :1060 --duplicate 100%",
    source: "RFC 8085, section 3.3",
};

/// What the request adds.
const AMOUNT: i64 = 10;

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["server", "client"])?;
    stage.must(0, "socket")?;
    stage.must(0, "bind 127.0.0.1:0")?;
    let server = stage.must(0, "name")?.address()?;
    let network = network(server, "duplicate=100%", 1, 1)?;
    stage.must(1, "socket")?;
    stage.must(1, format_args!("send {} add {AMOUNT}", network.address))?;
    network.finish()?;
    let (mut arrived, mut account) = (Vec::new(), 0);
    while stage.must(0, "wait 0")?.number()? > 0 {
        arrived.push(stage.must(0, "recv")?.datagram()?);
        account += AMOUNT;
    }
    expect(arrived.len() == 2, "two copies", arrived.len())?;
    expect(arrived[0] == arrived[1], "equal copies", arrived[1].text())?;
    show.say(|it| it.duplicates_arrived(1, 2));
    show.say(move |it| it.duplicates_executed(account, AMOUNT));
    show.close(stage);
    Ok(())
}
