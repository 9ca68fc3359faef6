//! Broadcast and multicast: one datagram, several receivers.

use std::net::SocketAddr;

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect, expect_errno};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "broadcast",
    chapter: Chapter::Beyond,
    words: |text| text.broadcast(),
    answer: 0,
    run,
    attempt: "udpraw options SO_BROADCAST",
    source: "socket(7), SO_BROADCAST; ip(7); RFC 919; RFC 1112",
};

const BROADCAST: [u8; 4] = [127, 255, 255, 255];
const GROUP: [u8; 4] = [239, 255, 10, 60];
/// Two receivers; the third has joined no group.
const RECEIVERS: [usize; 2] = [0, 1];
const OUTSIDER: usize = 2;
const SENDER: usize = 3;

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["one", "two", "three", "sender"])?;
    stage.must(SENDER, "socket")?;
    let to = receivers(&mut stage, BROADCAST, &RECEIVERS)?;
    let answer = stage.act(SENDER, format_args!("send {to} everybody"))?;
    expect_errno(&answer, libc::EACCES, "a refusal without SO_BROADCAST")?;
    show.say(move |it| it.broadcast_refused(to, libc::EACCES));
    stage.must(SENDER, "set SO_BROADCAST=on")?;
    stage.must(SENDER, format_args!("send {to} everybody"))?;
    for receiver in RECEIVERS {
        let text = stage.must(receiver, "recv")?.datagram()?.text();
        expect(text == "everybody", "a copy", &text)?;
    }
    show.say(move |it| it.broadcast_arrived(to, RECEIVERS.len()));
    match multicast(&mut stage)? {
        Ok((group, others)) => {
            show.say(move |it| it.multicast_arrived(group, RECEIVERS.len(), others));
        }
        Err(errno) => show.say(move |it| it.multicast_lacks(errno)),
    }
    show.close(stage);
    Ok(())
}

/// Binds a socket of each of these programs to that address and one port.
fn receivers(stage: &mut Stage, ip: [u8; 4], who: &[usize]) -> Result<SocketAddr> {
    let mut to = SocketAddr::from((ip, 0));
    for receiver in who {
        stage.must(*receiver, "socket")?;
        stage.must(*receiver, "set SO_REUSEADDR=on")?;
        stage.must(*receiver, format_args!("bind {to}"))?;
        to = stage.must(*receiver, "name")?.address()?;
    }
    Ok(to)
}

/// Sends to a group on the loopback interface: the group, and how many outsiders received it; the errno
/// if that interface takes no multicast.
fn multicast(stage: &mut Stage) -> Result<std::result::Result<(SocketAddr, usize), i32>> {
    let all = [RECEIVERS[0], RECEIVERS[1], OUTSIDER];
    let group = receivers(stage, GROUP, &all)?;
    // Otherwise a socket receives what any other of this machine has joined.
    stage.must(OUTSIDER, "set IP_MULTICAST_ALL=off")?;
    for receiver in RECEIVERS {
        let membership = format!("set IP_ADD_MEMBERSHIP={}%lo", group.ip());
        if let Err(errno) = stage.act(receiver, membership)? {
            return Ok(Err(errno));
        }
    }
    if let Err(errno) = stage.act(SENDER, "set IP_MULTICAST_IF=lo")? {
        return Ok(Err(errno));
    }
    if let Err(errno) = stage.act(SENDER, format_args!("send {group} members"))? {
        return Ok(Err(errno));
    }
    for receiver in RECEIVERS {
        let text = stage.must(receiver, "recv")?.datagram()?.text();
        expect(text == "members", "a copy", &text)?;
    }
    let others = stage.must(OUTSIDER, "wait 0")?.number()?;
    expect(others == 0, "nothing for an outsider", others)?;
    Ok(Ok((group, others)))
}
