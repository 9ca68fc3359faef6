//! Ports by convention: /etc/services.

use udpraw::error::Result;
use udpraw::services::{Origin, Protocol, Range, Services};

use crate::cli::learn::stage::{Stage, expect, expect_errno};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "convention",
    chapter: Chapter::Ports,
    words: |text| text.convention(),
    answer: 1,
    run,
    attempt: "udpraw services domain ntp",
    source: "services(5); RFC 6335",
};

/// Where the kernel tells from which port on anybody may bind.
const FIRST_FREE: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

fn run(show: &mut Show) -> Result<()> {
    let services = Services::load(None)?;
    let file = match services.origin() {
        Origin::File(path) => path.display().to_string(),
        _ => "udpraw".to_owned(),
    };
    for (name, known) in [("domain", 53), ("ntp", 123)] {
        let port = services
            .port(name, Protocol::Udp)
            .or_else(|_| Services::built_in().port(name, Protocol::Udp))?;
        expect(port == known, "the well-known port", port)?;
        expect(
            Range::of(port) == Range::WellKnown,
            "a well-known port",
            port,
        )?;
        let file = file.clone();
        show.say(move |it| it.convention_entry(name, port, &file));
    }
    let (well_known, registered) = (
        *Range::WellKnown.ports().end(),
        *Range::Registered.ports().end(),
    );
    show.say(move |it| it.convention_ranges(well_known, registered));
    let mut stage = Stage::open(&["program"])?;
    stage.must(0, "socket")?;
    let first_free = std::fs::read_to_string(FIRST_FREE).ok();
    let first_free: u16 = first_free
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(1024);
    // 53 of an address that no name server of this machine uses.
    match stage.act(0, "bind 127.83.0.53:53")? {
        Ok(_) => {}
        answer => {
            expect(first_free > 53, "the right to bind port 53", first_free)?;
            expect_errno(&answer, libc::EACCES, "a refusal for lack of privileges")?;
        }
    }
    show.say(move |it| it.convention_privilege(first_free));
    show.close(stage);
    Ok(())
}
