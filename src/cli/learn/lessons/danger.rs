//! "Danger!": a forger answers first; connect(2) is a cure.

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "danger",
    chapter: Chapter::Unreliable,
    words: |text| text.danger(),
    answer: 0,
    run,
    attempt: "udpraw trace -- udpraw client",
    source: "connect(2); RFC 5452, section 3",
};

const FORGED: &str = "send me your password";
const RIGHT: &str = "Your data was 5 bytes long";

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["server", "forger", "client", "connected"])?;
    let (forger, careful) = (1, 3);
    stage.must(0, "socket")?;
    stage.must(0, "bind 127.0.0.1:0")?;
    let server = stage.must(0, "name")?.address()?;
    stage.must(forger, "socket")?;
    stage.must(forger, "bind 127.0.0.1:0")?;
    let forged_from = stage.must(forger, "name")?.address()?;
    for client in [2, careful] {
        stage.must(client, "socket")?;
        if client == careful {
            stage.must(client, format_args!("connect {server}"))?;
            stage.must(client, "write hello")?;
            show.say(move |it| it.danger_connected(server));
        } else {
            stage.must(client, format_args!("send {server} hello"))?;
        }
        let request = stage.must(0, "recv")?.datagram()?;
        let Some(from) = request.from else {
            return expect(false, "a sender", "none");
        };
        // The forger is faster.
        stage.must(forger, format_args!("send {from} {FORGED}"))?;
        stage.must(0, format_args!("send {from} {RIGHT}"))?;
        let first = stage.must(client, "recv")?.datagram()?;
        if client == careful {
            expect(first.text() == RIGHT, "the server's reply", first.text())?;
            show.say(|it| it.danger_cured(RIGHT));
        } else {
            expect(first.text() == FORGED, "the forged reply", first.text())?;
            expect(first.from == Some(forged_from), "the forger", first.text())?;
            show.say(move |it| it.danger_believed(FORGED, forged_from, server));
        }
    }
    show.close(stage);
    Ok(())
}
