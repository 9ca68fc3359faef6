//! A port by automatic configuration: the resolver's address from DHCP, its port by convention.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use udpraw::error::Result;
use udpraw::probe::Resolvers;
use udpraw::services::{Protocol, Services};

use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "automatic",
    chapter: Chapter::Ports,
    words: |text| text.automatic(),
    answer: 2,
    run,
    attempt: "udpraw probe domain",
    source: "resolv.conf(5); RFC 2132, section 3.8",
};

/// The file that automatic configuration writes.
const FILE: &str = "/etc/resolv.conf";

fn run(show: &mut Show) -> Result<()> {
    let port = Services::built_in().port("domain", Protocol::Udp)?;
    let resolvers = Resolvers::load(Path::new(FILE)).ok();
    let listed = resolvers.and_then(|resolvers| resolvers.servers.first().copied());
    // The socket below is of IPv4.
    let listed = listed.filter(SocketAddr::is_ipv4);
    let server = SocketAddr::new(
        listed.map_or(Ipv4Addr::LOCALHOST.into(), |server| server.ip()),
        port,
    );
    match listed {
        Some(_) => show.say(move |it| it.automatic_resolver(server, FILE)),
        None => show.say(move |it| it.automatic_no_resolver(server, FILE)),
    }
    let mut stage = Stage::open(&["program"])?;
    stage.must(0, "socket")?;
    match stage.act(0, format_args!("connect {server}"))? {
        Ok(_) => {
            let own = stage.must(0, "name")?.address()?;
            expect(own.port() != 0, "a port of its own", own)?;
            show.say(move |it| it.automatic_endpoint(server));
        }
        Err(errno @ (libc::ENETUNREACH | libc::EHOSTUNREACH)) => {
            show.say(move |it| it.automatic_no_route(server, errno));
        }
        Err(errno) => expect(false, "a connected socket", errno)?,
    }
    show.close(stage);
    Ok(())
}
