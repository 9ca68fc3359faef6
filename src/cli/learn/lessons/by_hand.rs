//! A port chosen by hand; names stand for numbers.

use std::net::SocketAddr;

use udpraw::error::Result;
use udpraw::socket::resolve;

use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "by-hand",
    chapter: Chapter::Ports,
    words: |text| text.by_hand(),
    answer: 1,
    run,
    attempt: "udpraw server --port 5005",
    source: "getaddrinfo(3); hosts(5)",
};

/// The first port that is tried: an arbitrary choice, as a person makes one.
const CHOSEN: u16 = 5005;

/// How many further ones are tried, if others hold them.
const TRIED: u16 = 100;

const NAME: &str = "localhost";

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["server", "client"])?;
    stage.must(0, "socket")?;
    let mut chosen = None;
    for port in CHOSEN..CHOSEN + TRIED {
        if stage.act(0, format_args!("bind 127.0.0.1:{port}"))?.is_ok() {
            chosen = Some(port);
            break;
        }
    }
    let Some(port) = chosen else {
        return expect(false, "a free port", "none");
    };
    let bound = stage.must(0, "name")?.address()?;
    expect(bound.port() == port, "the port that was chosen", bound)?;
    show.say(move |it| it.by_hand_agreed(port));
    let to = SocketAddr::from(([127, 0, 0, 1], port));
    stage.must(1, "socket")?;
    stage.must(1, format_args!("send {to} by number"))?;
    let arrived = stage.must(0, "recv")?.datagram()?.text();
    expect(arrived == "by number", "the datagram", &arrived)?;
    show.say(move |it| it.by_hand_arrived(port, &arrived));
    // Without /etc/hosts nothing knows the name.
    let named = resolve(NAME, port).ok();
    let named = named.and_then(|all| all.into_iter().find(SocketAddr::is_ipv4));
    if let Some(named) = named {
        stage.must(1, format_args!("send {named} by name"))?;
        let arrived = stage.must(0, "recv")?.datagram()?.text();
        expect(arrived == "by name", "the datagram", &arrived)?;
        show.say(move |it| it.by_hand_name(NAME, port));
    }
    show.close(stage);
    Ok(())
}
