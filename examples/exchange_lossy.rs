//! A request-reply protocol over a bad network, in memory and in simulated time: minutes of loss, delay
//! and duplicates pass in milliseconds, and the same seed gives the same run.
//!
//! ```sh
//! cargo run --no-default-features --features protocol --example exchange_lossy -- [PROFILE [SEED [COUNT]]]
//! ```
//!
//! COUNT requests (default 100), one after the other, cross two links of PROFILE (default
//! `loss=20%,delay=20ms,jitter=5ms,duplicate=5%`), whose random decisions SEED (default 1) makes.
//!
//! What to look at:
//! - The last lines: requests sent more than once, and still done once.
//! - No system call: the machines of `udpraw::protocol` have no socket and no clock. `udpraw server
//!   --exchange`, `udpraw relay` and `udpraw client --exchange` run the same over sockets.
//!
//! Sources: RFC 9002 section 6.2 (retransmission), RFC 8085 section 3.1 (what UDP applications owe the
//! network); tc-netem(8) does the same to a real interface.

use std::env;
use std::error::Error;
use std::time::Duration;

use udpraw::protocol::Backoff;
use udpraw::protocol::exchange::{Incoming, Limits, Outcome, Requester, Responder};
use udpraw::protocol::impairment::{Direction, Flow, Link, Profile};

/// Takes in a datagram, and returns it if it is to arrive at once.
fn enter(link: &mut Link, flow: &mut Flow, now: Duration, bytes: &[u8]) -> Option<Vec<u8>> {
    let processed = link.handle_datagram(now, flow, bytes);
    processed.is_through.then(|| bytes.to_vec())
}

/// The next datagram that leaves a link now.
fn leave(link: &mut Link, now: Duration) -> Option<Vec<u8>> {
    link.poll_transmit(now)
        .map(|released| released.bytes.to_vec())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let profile = arguments.next();
    let profile = profile.unwrap_or("loss=20%,delay=20ms,jitter=5ms,duplicate=5%".into());
    let profile: Profile = profile.parse()?;
    let seed: u64 = arguments.next().map_or(Ok(1), |it| it.parse())?;
    let count: u64 = arguments.next().map_or(Ok(100), |it| it.parse())?;

    let client = "192.0.2.1:53322".parse()?;
    let mut requester = Requester::new(Backoff::Rfc9002);
    let mut responder = Responder::new(Limits::default());
    let mut up = Link::new(profile.clone(), seed, Direction::Up);
    let mut down = Link::new(profile, seed, Direction::Down);
    let (mut up_flow, mut down_flow) = (Flow::new(0), Flow::new(0));

    let (mut now, mut sent, mut replies) = (Duration::ZERO, 0, 0);
    for number in 0..count {
        // Over a socket, the id must be random and hard to guess.
        requester.start(now, number, b"ping", None, None)?;
        while requester.id().is_some() {
            // Client to server: what is sent now, and what leaves the link now.
            let mut requests = Vec::new();
            while let Some(transmit) = requester.poll_transmit(now) {
                sent += 1;
                requests.extend(enter(&mut up, &mut up_flow, now, transmit.bytes));
            }
            requests.extend(std::iter::from_fn(|| leave(&mut up, now)));

            // Server to client. `response` holds what is to be sent, if anything is.
            let mut replied = Vec::new();
            for request in requests {
                let mut response = Vec::new();
                let incoming = responder.handle_datagram(client, &request, &mut response);
                if let Incoming::Request(pending, payload) = incoming {
                    responder.reply(pending, payload, &mut response);
                }
                if !response.is_empty() {
                    replied.extend(enter(&mut down, &mut down_flow, now, &response));
                }
            }
            replied.extend(std::iter::from_fn(|| leave(&mut down, now)));
            for reply in replied {
                let outcome = requester.handle_datagram(now, true, &reply);
                replies += u64::from(matches!(outcome, Outcome::Reply { .. }));
            }

            // Nothing more happens at this moment: time passes until the next deadline.
            let deadlines = [
                requester.poll_timeout(),
                up.poll_timeout(),
                down.poll_timeout(),
            ];
            let next = deadlines.into_iter().flatten().min();
            now = next.unwrap_or(now).max(now);
            requester.handle_timeout(now);
        }
    }
    let (served, ignored) = (responder.served(), requester.ignored());
    println!("{replies} of {count} requests answered in {now:.1?} of simulated time");
    println!("{sent} datagrams sent, {} lost", up.tally().all_lost());
    println!(
        "the server executed {} requests, and answered {} repeats from its cache",
        served.requests, served.repeats
    );
    println!("the client ignored {} stale replies", ignored.stale);
    Ok(())
}
