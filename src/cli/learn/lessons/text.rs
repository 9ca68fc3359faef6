//! Text is encoded and decoded; one byte above 127 ends the textbook's server.

use std::time::{Duration, Instant};

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "text",
    chapter: Chapter::Socket,
    words: |text| text.text(),
    answer: 2,
    run,
    attempt: "udpraw client --message café",
    source: "RFC 3629; utf-8(7)",
};

const ASCII: &str = "cafe";
const ACCENTED: &str = "café";

/// How long the lesson waits for the port to be closed.
const LIMIT: Duration = Duration::from_secs(10);

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["server", "client"])?;
    stage.must(0, "socket")?;
    stage.must(0, "bind 127.0.0.1:0")?;
    let server = stage.must(0, "name")?.address()?;
    stage.must(1, "socket")?;
    stage.must(1, format_args!("connect {server}"))?;
    stage.must(1, format_args!("write {ASCII}"))?;
    let bytes = stage.must(0, "recv")?.datagram()?.length;
    stage.must(0, "decode")?;
    show.say(move |it| it.text_ascii(ASCII.chars().count(), bytes));

    stage.must(1, format_args!("write {ACCENTED}"))?;
    let request = stage.must(0, "recv")?.datagram()?;
    let (characters, bytes) = (ACCENTED.chars().count(), request.length);
    expect(
        bytes == ACCENTED.len() && bytes > characters,
        "more bytes",
        bytes,
    )?;
    show.say(move |it| it.text_utf8(ACCENTED, characters, bytes));
    let position = request.start.iter().position(|byte| !byte.is_ascii());
    let Some((position, byte)) = position.and_then(|at| Some((at, *request.start.get(at)?))) else {
        return expect(false, "a byte above 127", request.text());
    };
    stage.begin(0, "decode")?;
    expect(stage.ended(0), "the end of the server", "an answer")?;
    show.say(move |it| it.text_crashed(byte, position));
    refused(&mut stage)?;
    show.say(|it| it.text_refused(libc::ECONNREFUSED));
    show.close(stage);
    Ok(())
}

/// Sends until ICMP reports that nothing listens any more.
fn refused(stage: &mut Stage) -> Result<()> {
    let until = Instant::now() + LIMIT;
    loop {
        // The process may still be about to close its socket: then nothing is reported.
        let sent = stage.act(1, "write hello")?;
        if sent == Err(libc::ECONNREFUSED) {
            return Ok(());
        }
        let is_ready = stage.must(1, "wait 20")?.number()? > 0;
        if is_ready && stage.act(1, "recv")?.is_err() {
            return Ok(());
        }
        expect(Instant::now() < until, "a refusal", "silence")?;
    }
}
