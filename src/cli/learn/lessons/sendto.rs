//! sendto takes data and address; recvfrom returns data and sender.

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect, expect_errno};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "sendto",
    chapter: Chapter::Socket,
    words: |text| text.sendto(),
    answer: 0,
    run,
    attempt: "udpraw tour syscalls",
    source: "send(2); recv(2)",
};

const TEXT: &str = "The time is now";

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["server", "client"])?;
    stage.must(0, "socket")?;
    stage.must(0, "bind 127.0.0.1:0")?;
    let server = stage.must(0, "name")?.address()?;
    stage.must(1, "socket")?;
    let answer = stage.act(1, "write nowhere")?;
    expect_errno(
        &answer,
        libc::EDESTADDRREQ,
        "a refusal without a destination",
    )?;
    show.say(|it| it.sendto_nowhere(libc::EDESTADDRREQ));
    let sent = stage
        .must(1, format_args!("send {server} {TEXT}"))?
        .number()?;
    show.say(move |it| it.sendto_both(sent, server));
    let request = stage.must(0, "recv")?.datagram()?;
    expect(request.text() == TEXT, "the data", request.text())?;
    let Some(client) = request.from else {
        return expect(false, "a sender", "none");
    };
    let bytes = request.length;
    show.say(move |it| it.recvfrom_both(bytes, client));
    stage.must(
        0,
        format_args!("send {client} Your data was {bytes} bytes long"),
    )?;
    let reply = stage.must(1, "recv")?.datagram()?;
    expect(
        reply.from == Some(server),
        "a reply from the server",
        reply.text(),
    )?;
    show.close(stage);
    Ok(())
}
