//! ICMP errors at every point where they can arrive, on loopback sockets.

use std::net::UdpSocket;
use std::thread;

use super::*;
use crate::protocol::Backoff;
use crate::protocol::exchange::{Frame, Kind};

/// A longer wait than any here takes: a bound, never a pause.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client of a port at which nobody listens, after an ICMP error about it.
fn refused(connect: bool, exchange: bool) -> (Client, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = socket.local_addr().unwrap();
    drop(socket);
    let mut client = Client::new(Config {
        connect,
        exchange,
        backoff: Backoff::Rfc8085,
        ..Config::new(server)
    })
    .unwrap();
    send_and_hear(&mut client);
    (client, server)
}

fn send_and_hear(client: &mut Client) {
    client.asked = true;
    client.try_send(b"x").unwrap();
    let readiness = client.endpoint.wait(Some(PATIENCE)).unwrap();
    assert_eq!(readiness, Some(Readiness::Error));
}

fn nothing(_: &Event<'_>) -> Result<()> {
    Ok(())
}

/// poll(2) reported a datagram, and then ICMP arrived: it is an answer, not a failure.
#[test]
fn a_refusal_between_poll_and_receive_is_an_answer() {
    for connect in [false, true] {
        let (mut client, server) = refused(connect, false);
        let since = (Instant::now(), 1);
        let (is_reply, refusal) = client.take_reply(since, &mut nothing).unwrap();
        let refusal = refusal.expect("a refusal");
        assert!(!is_reply);
        assert_eq!(refusal.errno, libc::ECONNREFUSED);
        assert_eq!(refusal.destination.port(), server.port());
        // An exchange gets the error at its next wait.
        let (mut client, _) = refused(connect, true);
        let now = client.now();
        let requester = client.requester.as_mut().unwrap();
        requester.start(now, 1, b"x", None, None).unwrap();
        assert!(requester.poll_transmit(now).is_some());
        assert_eq!(client.receive(&mut nothing).unwrap(), (true, None));
        let answer = client.await_answer(&mut nothing).unwrap();
        assert!(matches!(answer, Some(Answer::Refused(_))), "{answer:?}");
    }
}

/// A send that returns the ICMP error about the previous attempt is an answer too.
#[test]
fn a_refusal_at_a_repeat_is_an_answer() {
    for connect in [false, true] {
        let (mut client, _) = refused(connect, false);
        let answer = client.send(b"x", 2).unwrap();
        assert!(matches!(answer, Some(Answer::Refused(_))), "{answer:?}");
    }
}

/// An ICMP error about an earlier request neither fails nor answers the next.
#[test]
fn an_old_refusal_says_nothing_of_the_next_request() {
    for (connect, exchange) in [(false, false), (true, false), (false, true), (true, true)] {
        let (mut client, address) = refused(connect, exchange);
        // Now somebody listens there.
        let server = UdpSocket::bind(address).unwrap();
        server.set_read_timeout(Some(PATIENCE)).unwrap();
        let serving = thread::spawn(move || {
            let mut buffer = [0; 100];
            let (length, from) = server.recv_from(&mut buffer).unwrap();
            let mut answer = b"plain".to_vec();
            if let Ok(frame) = Frame::parse(&buffer[..length]) {
                Frame {
                    kind: Kind::Reply,
                    ..frame
                }
                .encode(&mut answer);
            }
            server.send_to(&answer, from).unwrap();
        });
        let answer = client
            .ask(b"hello", &AtomicBool::new(false), nothing)
            .unwrap();
        assert_eq!(answer, Answer::Replies(1), "{connect} {exchange}");
        serving.join().unwrap();
    }
}

/// The first send of a request, with the error of an earlier datagram.
#[test]
fn a_first_send_is_made_once_more() {
    let (mut client, address) = refused(true, false);
    let server = UdpSocket::bind(address).unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(client.send(b"hello", 1).unwrap(), None);
    let mut buffer = [0; 100];
    let length = server.recv(&mut buffer).unwrap();
    assert_eq!(buffer[..length], *b"hello");
}

#[test]
fn no_time_is_one_datagram_and_no_panic() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    for (exchange, group) in [(false, false), (false, true), (true, false)] {
        let mut client = Client::new(Config {
            timeout: Some(Duration::ZERO),
            exchange,
            group,
            ..Config::new(address)
        })
        .unwrap();
        let mut sent = 0;
        let answer = client.ask(b"x", &AtomicBool::new(false), |event: &Event<'_>| {
            sent += u32::from(matches!(event, Event::Sent(..)));
            Ok::<(), Error>(())
        });
        assert_eq!((answer.unwrap(), sent), (Answer::Silence, 1));
        assert!(server.recv(&mut [0; 99]).is_ok());
    }
    // The longest possible time: the wait ends when the stop is raised, and not by overflow.
    for (group, tries) in [(true, None), (false, Some(1))] {
        let mut client = Client::new(Config {
            timeout: Some(Duration::MAX),
            group,
            tries,
            ..Config::new(address)
        })
        .unwrap();
        let stop = AtomicBool::new(false);
        let answer = client.ask(b"x", &stop, |event: &Event<'_>| {
            if matches!(event, Event::Sent(..)) {
                stop.store(true, Ordering::Relaxed);
            }
            Ok::<(), Error>(())
        });
        assert_eq!(answer.unwrap(), Answer::Stopped);
    }
}
