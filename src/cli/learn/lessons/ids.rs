//! Request ids: an old reply of the right server is not taken for the new one.

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "ids",
    chapter: Chapter::Unreliable,
    words: |text| text.ids(),
    answer: 2,
    run,
    attempt: "udpraw client --exchange",
    source: "RFC 1035, section 4.1.1 (ID); RFC 5452",
};

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["server", "client"])?;
    stage.must(0, "socket")?;
    stage.must(0, "bind 127.0.0.1:0")?;
    let server = stage.must(0, "name")?.address()?;
    stage.must(1, "socket")?;
    stage.must(1, format_args!("connect {server}"))?;
    for id in 1..=2 {
        stage.must(1, format_args!("write id={id} what time is it?"))?;
        let request = stage.must(0, "recv")?.datagram()?;
        expect(
            request.text().starts_with(&format!("id={id} ")),
            "the id",
            request.text(),
        )?;
    }
    let own = stage.must(1, "name")?.address()?;
    // The server was slow: both replies leave now.
    stage.must(0, format_args!("send {own} id=1 it is nine"))?;
    stage.must(0, format_args!("send {own} id=2 it is ten"))?;
    let late = stage.must(1, "recv")?.datagram()?.text();
    expect(late.starts_with("id=1 "), "the old reply", &late)?;
    show.say(move |it| it.ids_late(&late));
    let right = stage.must(1, "recv")?.datagram()?.text();
    expect(right.starts_with("id=2 "), "the right reply", &right)?;
    show.say(|it| it.ids_matched(2, 1));
    show.close(stage);
    Ok(())
}
