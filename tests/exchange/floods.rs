//! Floods of frames that mean harm, at a server that serves.

use std::net::SocketAddr;
use std::time::Duration;

use udpraw::io::{Backend, BackendChoice, Transmit, Transport, TransportConfig};
use udpraw::protocol::exchange::Kind;
use udpraw::socket::{Endpoint, Family};

use super::frame;
use crate::common::{self, Running, ask, json_lines, received, udpraw};

/// Resident memory of a process, in KiB.
fn resident(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Random bytes, every other with the magic number, and truncated frames, by turns.
fn hostile(dice: &mut fastrand::Rng, number: u64, bytes: &mut Vec<u8>) {
    bytes.resize(dice.usize(1..60), 0);
    dice.fill(bytes);
    match number % 4 {
        0 => {}
        1 => bytes.splice(.., *b"udpX").for_each(drop),
        _ => {
            *bytes = frame(Kind::Request, dice.u64(..), bytes);
            bytes.truncate(dice.usize(..bytes.len()));
        }
    }
}

#[test]
fn floods_of_random_and_truncated_frames_do_no_harm() {
    // A million of either sort, and fewer where it is the same code behind another backend.
    let flooded: [(&[&str], u64); 3] = [
        (&["--exchange", "--io", "single"], 2_000_000),
        (&["--exchange", "--io", "auto"], 500_000),
        (&["--io", "auto"], 500_000),
    ];
    for (arguments, all) in flooded {
        let words = ["server", "-p", "0", "-q", "--json"];
        let mut running = Running::start(udpraw([&words, arguments].concat()));
        let listening = json_lines(&running.line()).remove(0);
        let port = listening["local"]["port"].as_u64().unwrap() as u16;
        let at = SocketAddr::from(([127, 0, 0, 1], port));
        let client = common::client_of(at);
        let request = |id| frame(Kind::Request, id, b"hi");
        ask(&client, &request(1));
        let before = resident(running.id());
        let endpoint = Endpoint::builder().unbound(Family::V4).unwrap();
        let choice = BackendChoice::Only(Backend::Batch);
        let mut flood = Transport::open(endpoint, choice, TransportConfig::default()).unwrap();
        let (mut dice, mut bytes) = (fastrand::Rng::with_seed(1), Vec::new());
        for number in 0..all {
            hostile(&mut dice, number, &mut bytes);
            flood.send_queue().queue(&Transmit::new(&bytes).to(at));
        }
        flood.flush().into_result().unwrap();
        assert_eq!(flood.counters().sent, all);
        // Once this is answered, all that came before has been served. The flood may have left no room
        // for it at once: it is asked again, as a client would.
        client
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        let mut buffer = [0; 100];
        let asked = (0..100).find(|_| {
            client.send(&request(2)).unwrap();
            received(|| client.recv(&mut buffer)).is_ok()
        });
        assert!(asked.is_some());
        let grown = resident(running.id()).saturating_sub(before);
        assert!(grown < 2_048, "{grown} KiB more");
        running.signal(nix::sys::signal::Signal::SIGTERM);
        let end = running.finish();
        assert_eq!(end.code, Some(0), "{}", end.stderr);
        let sum = json_lines(&end.stdout).pop().unwrap();
        let count = |value: &serde_json::Value| value.as_u64().unwrap();
        // Each was received, or dropped by the kernel and told as such.
        let told = count(&sum["datagrams"]) + count(&sum["kernel_drops"]);
        assert!(told >= all && told <= all + 110, "{sum}");
        if arguments[0] == "--exchange" {
            let of = &sum["exchange"];
            let (requests, repeats) = (count(&of["requests"]), count(&of["retransmissions"]));
            assert_eq!(requests, 2, "{sum}");
            let heard = requests + repeats + count(&of["corrupt"]) + count(&of["not_exchange"]);
            assert_eq!(heard, count(&sum["datagrams"]), "{sum}");
            assert!(count(&sum["replies"]) == requests + repeats, "{sum}");
        }
    }
}
