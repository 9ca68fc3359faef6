//! Datagrams are lost, and nobody tells the sender.

use udpraw::error::Result;

use crate::cli::learn::network::network;
use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "loss",
    chapter: Chapter::Unreliable,
    words: |text| text.loss(),
    answer: 1,
    run,
    attempt: "udpraw relay --listen :5300 --to :1060 --loss 50%",
    source: "RFC 768; RFC 8085, section 3.1",
};

const SENT: usize = 10;

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["receiver", "sender"])?;
    stage.must(0, "socket")?;
    stage.must(0, "bind 127.0.0.1:0")?;
    let receiver = stage.must(0, "name")?.address()?;
    let network = network(receiver, "loss=50%", 6, SENT as u64)?;
    stage.must(1, "socket")?;
    for number in 1..=SENT {
        stage.must(1, format_args!("send {} number {number}", network.address))?;
    }
    show.say(|it| it.loss_sent(SENT));
    let lost = network.finish()?.up.link.all_lost();
    let mut arrived = 0;
    while stage.must(0, "wait 0")?.number()? > 0 {
        stage.must(0, "recv")?;
        arrived += 1;
    }
    expect(lost > 0 && arrived > 0, "some losses", lost)?;
    expect(
        arrived as u64 + lost == SENT as u64,
        "an account of all",
        arrived,
    )?;
    show.say(move |it| it.loss_arrived(arrived, SENT, lost));
    show.close(stage);
    Ok(())
}
