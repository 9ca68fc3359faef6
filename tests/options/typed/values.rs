//! The types of the typed constants: every name of the catalogue, values out of range, and what socket2
//! and nix read.

use std::fmt::Debug;
use std::time::Duration;

use udpraw::socket::Endpoint;
use udpraw::socket::Family::{self, V4, V6};
use udpraw::socket::option::{
    self, AddressPreferences, BufferLock, Clock, Encapsulation, Interface, OptionType,
    PathMtuDiscovery, Timestamping, TransmitTime, TypedOption,
};
use udpraw::socket::options::{Kind, OptionValue, SocketOption};

fn endpoint(family: Family) -> Endpoint {
    Endpoint::builder().unbound(family).unwrap()
}

/// Every name that the catalogue knows has a variant or bit in the types.
#[test]
fn every_named_value_has_a_type() {
    let by_text =
        |name: &str, value: &str| -> OptionValue { format!("{name}={value}").parse().unwrap() };
    let names = |option: &SocketOption| match option.kind {
        Kind::Enumeration(names) | Kind::Bits(names) => names,
        _ => panic!("{} has no names", option.name),
    };
    let modes = [
        PathMtuDiscovery::Dont,
        PathMtuDiscovery::Want,
        PathMtuDiscovery::Do,
        PathMtuDiscovery::Probe,
        PathMtuDiscovery::Interface,
        PathMtuDiscovery::Omit,
    ];
    for option in [option::IP_MTU_DISCOVER, option::IPV6_MTU_DISCOVER] {
        let known = names(option.option());
        assert_eq!(known.len(), modes.len());
        for ((name, _), mode) in known.iter().zip(modes) {
            assert_eq!(option.with_value(mode), by_text(option.option().name, name));
        }
    }
    let protocols = [
        Encapsulation::None,
        Encapsulation::EspInUdp,
        Encapsulation::L2tpInUdp,
    ];
    let known = names(option::UDP_ENCAP.option());
    assert_eq!(known.len(), protocols.len());
    for ((name, _), protocol) in known.iter().zip(protocols) {
        assert_eq!(
            option::UDP_ENCAP.with_value(protocol),
            by_text("UDP_ENCAP", name)
        );
    }
    bits(option::SO_TIMESTAMPING, Timestamping::from_bits);
    bits(option::SO_BUF_LOCK, BufferLock::from_bits);
    bits(option::IPV6_ADDR_PREFERENCES, AddressPreferences::from_bits);
}

/// Each bit has a name in the type if and only if it has one in the catalogue, and it is the same.
fn bits<B: OptionType + Debug>(option: TypedOption<B>, from_bits: fn(i32) -> B) {
    let Kind::Bits(known) = option.option().kind else {
        panic!("no bits")
    };
    for bit in (0..32).map(|shift| 1_i32 << shift) {
        let shown = format!("{:?}", from_bits(bit));
        let (_, shown) = shown.trim_end_matches(')').split_once('(').unwrap();
        let want = match known.iter().find(|(_, named)| *named == bit) {
            Some((name, _)) => name.to_uppercase().replace('-', "_"),
            None => format!("{bit:#x}"),
        };
        assert_eq!(shown, want, "{}", option.option().name);
    }
}

/// What does not fit the kernel's type is refused, with its name, before the kernel is asked.
#[test]
fn values_out_of_range_are_errors() {
    let mut socket = endpoint(V4);
    for size in [1 << 31, usize::MAX] {
        let error = socket.set(option::SO_RCVBUF, size).unwrap_err();
        assert_eq!(error.errno(), None);
        assert!(error.to_string().contains("SO_RCVBUF"), "{error}");
    }
    for time in [
        Duration::from_nanos(1),
        Duration::from_nanos(1_500),
        Duration::from_micros(1 << 31),
        Duration::MAX,
    ] {
        let error = socket.set(option::SO_BUSY_POLL, time).unwrap_err();
        assert!(error.to_string().contains("SO_BUSY_POLL"), "{error}");
    }
    for time in [Duration::from_nanos(1), Duration::MAX] {
        let error = socket.set(option::SO_RCVTIMEO, time).unwrap_err();
        assert_eq!(error.errno(), None, "{error}");
    }
    // The kernel's word: a TTL of 0 is none.
    let error = socket.set(option::IP_TTL, 0).unwrap_err();
    assert_eq!(error.errno(), Some(libc::EINVAL));
    assert!(error.to_string().contains("1 to 255"), "{error}");
    socket.set(option::SO_LINGER, Some(u32::MAX)).unwrap_err();
    socket
        .set(option::SO_BINDTODEVICE, "no-such-device".into())
        .unwrap_err();
}

/// Structures, and what is no `int`: set by type, read by others, and the other way round.
#[test]
fn socket2_and_nix_read_what_was_set() {
    use nix::sys::socket::{TimestampingFlag, getsockopt, sockopt};

    let mut socket = endpoint(V4);
    let other = |socket: &Endpoint| socket2::SockRef::from(socket).try_clone().unwrap();
    let foreign = other(&socket);
    let two = Duration::from_secs(2);

    socket.set(option::SO_RCVTIMEO, two).unwrap();
    socket.set(option::SO_SNDTIMEO, 2 * two).unwrap();
    assert_eq!(foreign.read_timeout().unwrap(), Some(two));
    assert_eq!(foreign.write_timeout().unwrap(), Some(2 * two));
    foreign.set_read_timeout(Some(3 * two)).unwrap();
    assert_eq!(socket.get(option::SO_RCVTIMEO).unwrap(), 3 * two);

    socket.set(option::SO_LINGER, Some(2)).unwrap();
    assert_eq!(foreign.linger().unwrap(), Some(two));
    foreign.set_linger(None).unwrap();
    assert_eq!(socket.get(option::SO_LINGER).unwrap(), None);

    socket.set(option::SO_RCVBUF, 64 << 10).unwrap();
    assert_eq!(foreign.recv_buffer_size().unwrap(), 128 << 10);
    assert_eq!(socket.get(option::SO_RCVBUF).unwrap(), 128 << 10);

    let address = std::net::Ipv4Addr::LOCALHOST;
    socket
        .set(option::IP_MULTICAST_IF, Interface::Address(address))
        .unwrap();
    assert_eq!(foreign.multicast_if_v4().unwrap(), address);

    let index = nix::net::if_::if_nametoindex("lo").unwrap();
    let mut v6 = endpoint(V6);
    v6.set(option::IPV6_MULTICAST_IF, Interface::Index(index))
        .unwrap();
    assert_eq!(other(&v6).multicast_if_v6().unwrap(), index);
    assert_eq!(
        v6.get(option::IPV6_MULTICAST_IF).unwrap(),
        Interface::Index(index)
    );

    socket
        .set(option::SO_BUSY_POLL, Duration::from_micros(50))
        .unwrap();
    assert_eq!(
        socket.get(option::SO_BUSY_POLL).unwrap(),
        Duration::from_micros(50)
    );

    let flags = Timestamping::RX_SOFTWARE | Timestamping::SOFTWARE;
    socket.set(option::SO_TIMESTAMPING, flags).unwrap();
    let read = getsockopt(&socket, sockopt::Timestamping).unwrap();
    let want = TimestampingFlag::SOF_TIMESTAMPING_RX_SOFTWARE
        | TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE;
    assert_eq!(read, want);

    let time = TransmitTime {
        clock: Clock::Monotonic,
        deadline: true,
        report_errors: true,
    };
    socket.set(option::SO_TXTIME, time).unwrap();
    let read = getsockopt(&socket, sockopt::TxTime).unwrap();
    assert_eq!((read.clockid, read.flags), (libc::CLOCK_MONOTONIC, 3));
    assert_eq!(socket.get(option::SO_TXTIME).unwrap(), time);

    assert_eq!(
        socket.get(option::SO_COOKIE).unwrap(),
        foreign.cookie().unwrap()
    );
    assert_eq!(socket.get(option::SO_MEMINFO).unwrap().rcvbuf, 128 << 10);
    match socket.set(option::SO_BINDTODEVICE, "lo".into()) {
        Ok(()) => {
            assert_eq!(foreign.device().unwrap().as_deref(), Some(&b"lo"[..]));
            socket.set(option::SO_BINDTODEVICE, String::new()).unwrap();
            assert_eq!(foreign.device().unwrap(), None);
        }
        Err(error) => assert_eq!(error.errno(), Some(libc::EPERM), "{error}"),
    }
}
