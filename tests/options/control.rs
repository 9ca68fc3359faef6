//! Control buffers are large enough for everything that the options bring, by the kernel's own
//! word: MSG_CTRUNC.

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use udpraw::socket::options::{Kind, OptionValue, SocketOption, Value};
use udpraw::socket::{Endpoint, Family, ReceiveBuffer, option};

/// Every option that brings a control message and that this machine allows, switched on.
fn settings(family: Family) -> Vec<OptionValue> {
    let scratch = Endpoint::builder().unbound(family).unwrap();
    SocketOption::all()
        .filter(|option| option.is_for(family) && !option.control.is_empty())
        .map(|option| match option.kind {
            Kind::Flag => OptionValue::new(option, Value::Flag(true)),
            _ => {
                let bits = "rx-software+software+raw-hardware+rx-hardware+opt-cmsg+opt-pktinfo";
                OptionValue::new(option, option.parse(bits).unwrap())
            }
        })
        .filter(|setting| setting.apply(scratch.as_fd()).is_ok())
        .collect()
}

fn exchange(endpoint: &Endpoint, to: SocketAddr) -> (bool, bool, Option<u8>, bool) {
    let client = Endpoint::builder().unbound(Family::of(to)).unwrap();
    client.send_to(b"hello", to).unwrap();
    let mut buffer = ReceiveBuffer::new();
    let datagram = endpoint.receive(&mut buffer).unwrap();
    assert_eq!(datagram.bytes(), b"hello");
    (
        datagram.is_control_truncated(),
        datagram.packet_info().is_some(),
        datagram.ttl(),
        datagram.timestamp().is_some(),
    )
}

#[test]
fn nothing_is_cut_with_everything_on() {
    for (family, host) in [
        (Family::V4, "127.0.0.1:0"),
        (Family::V6, "[::1]:0"),
        (Family::V6, "[::]:0"),
    ] {
        let settings = settings(family);
        assert!(settings.len() >= 12, "{family}: {}", settings.len());
        let endpoint = Endpoint::builder()
            .options(settings)
            .bind(host.parse().unwrap())
            .unwrap();
        let bound = endpoint.local_address().unwrap();
        let mut targets = vec![bound];
        if bound.ip().is_unspecified() {
            // The same socket over IPv6 and, mapped, over IPv4: both sets of messages.
            targets = vec![
                ([127, 0, 0, 1], bound.port()).into(),
                (std::net::Ipv6Addr::LOCALHOST, bound.port()).into(),
            ];
        }
        for target in &targets {
            let (cut, info, ttl, time) = exchange(&endpoint, *target);
            assert!(!cut, "{host} from {target}: control messages were cut");
            assert!(info && ttl == Some(64) && time, "{host} from {target}");
        }
        // The same from nothing but the descriptor: what is on is asked for.
        let adopted = Endpoint::from(OwnedFd::from(endpoint));
        let (cut, info, ..) = exchange(&adopted, targets[0]);
        assert!(!cut && info, "{host}: adopted");
    }
}

#[test]
fn each_option_alone_is_not_cut() {
    for (family, host) in [(Family::V4, "127.0.0.1:0"), (Family::V6, "[::1]:0")] {
        for setting in settings(family) {
            let name = setting.option().name;
            let mut endpoint = Endpoint::builder().bind(host.parse().unwrap()).unwrap();
            endpoint.apply(&setting).unwrap();
            let (cut, ..) = exchange(&endpoint, endpoint.local_address().unwrap());
            assert!(!cut, "{family} {name}");
        }
    }
}

#[test]
fn an_option_set_to_off_brings_nothing() {
    let endpoint = Endpoint::builder()
        .option(option::IP_PKTINFO, true)
        .option(option::IP_PKTINFO, false)
        .bind(([127, 0, 0, 1], 0).into())
        .unwrap();
    let (cut, info, ..) = exchange(&endpoint, endpoint.local_address().unwrap());
    assert!(!cut && !info);
}

/// An option that is set on an endpoint, by type or by text, has its message received from then on.
#[test]
fn what_is_switched_on_later_is_received() {
    let mut endpoint = Endpoint::builder()
        .bind(([127, 0, 0, 1], 0).into())
        .unwrap();
    let address = endpoint.local_address().unwrap();
    let ttl = |endpoint: &Endpoint| exchange(endpoint, address).2;
    assert_eq!(ttl(&endpoint), None);
    endpoint.set(option::IP_RECVTTL, true).unwrap();
    endpoint.set(option::SO_RCVBUF, 1 << 16).unwrap();
    assert_eq!(ttl(&endpoint), Some(64));
    endpoint.set(option::IP_RECVTTL, false).unwrap();
    assert_eq!(ttl(&endpoint), None);
    endpoint.apply(&"IP_RECVTTL=on".parse().unwrap()).unwrap();
    assert_eq!(ttl(&endpoint), Some(64));
}
