//! Datagrams change their order.

use udpraw::error::Result;

use crate::cli::learn::network::network;
use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "disorder",
    chapter: Chapter::Unreliable,
    words: |text| text.disorder(),
    answer: 1,
    run,
    attempt: "udpraw relay --listen :5300 --to :1060 --reorder 30%",
    source: "RFC 8085, section 3.3",
};

const SENT: [&str; 6] = ["1", "2", "3", "4", "5", "6"];

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["receiver", "sender"])?;
    stage.must(0, "socket")?;
    stage.must(0, "bind 127.0.0.1:0")?;
    let receiver = stage.must(0, "name")?.address()?;
    let network = network(receiver, "reorder=50%", 4, SENT.len() as u64)?;
    stage.must(1, "socket")?;
    for number in SENT {
        stage.must(1, format_args!("send {} {number}", network.address))?;
    }
    network.finish()?;
    let mut arrived = Vec::new();
    while stage.must(0, "wait 0")?.number()? > 0 {
        arrived.push(stage.must(0, "recv")?.datagram()?.text());
    }
    let (sent, found) = (SENT.join(" "), arrived.join(" "));
    expect(found != sent, "another order", &found)?;
    arrived.sort_unstable();
    expect(arrived == SENT, "all of them", &found)?;
    show.say(move |it| it.disorder_orders(&sent, &found));
    show.close(stage);
    Ok(())
}
