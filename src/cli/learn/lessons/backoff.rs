//! A client retries, doubles the wait, and gives up.

use std::time::Instant;

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "backoff",
    chapter: Chapter::Unreliable,
    words: |text| text.backoff(),
    answer: 1,
    run,
    attempt: "udpraw client 127.0.0.1 1060 --timeout 5",
    source: "RFC 8085, section 3.1.1; RFC 1122, section 4.2.3.1",
};

/// The waits in milliseconds.
const WAITS: [u64; 4] = [50, 100, 200, 400];

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["silent", "client"])?;
    stage.must(0, "socket")?;
    stage.must(0, "bind 127.0.0.1:0")?;
    let server = stage.must(0, "name")?.address()?;
    stage.must(1, "socket")?;
    stage.must(1, format_args!("connect {server}"))?;
    let began = Instant::now();
    let mut attempts = 0;
    for wait in WAITS {
        stage.must(1, "write is anybody there?")?;
        let ready = stage.must(1, format_args!("wait {wait}"))?.number()?;
        expect(ready == 0, "silence", ready)?;
        attempts += 1;
        let attempt = attempts;
        show.say(move |it| it.backoff_attempt(attempt, wait));
    }
    let total = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    expect(
        total >= WAITS.iter().sum::<u64>(),
        "the sum of the waits",
        total,
    )?;
    show.say(move |it| it.backoff_gave_up(attempts, total));
    show.close(stage);
    Ok(())
}
