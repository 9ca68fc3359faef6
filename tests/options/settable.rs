//! Each option that can be set, set on the running kernel: the value was another before, and is
//! the new one afterwards.

use std::os::fd::AsFd;

use udpraw::error::Error;
use udpraw::socket::options::{Access, Kind, OptionValue, SocketOption, Value};
use udpraw::socket::{Endpoint, Family};

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// Name, the value to set, and the value to be read afterwards. Flags not named here are inverted.
const SET: &[(&str, &str, &str)] = &[
    ("SO_RCVBUF", "64KiB", "131072"),
    ("SO_SNDBUF", "64KiB", "131072"),
    ("SO_BUF_LOCK", "receive", "receive"),
    ("SO_RCVTIMEO", "2s", "2s"),
    ("SO_SNDTIMEO", "2s", "2s"),
    ("SO_RCVLOWAT", "2", "2"),
    ("SO_BINDTODEVICE", "lo", "lo"),
    ("SO_BINDTOIFINDEX", "lo", "lo"),
    ("SO_PRIORITY", "6", "6"),
    ("SO_MARK", "0xfffffffe", "4294967294"),
    ("SO_MAX_PACING_RATE", "10G", "10000000000"),
    ("SO_BUSY_POLL", "50us", "50"),
    ("SO_INCOMING_CPU", "0", "0"),
    ("SO_PEEK_OFF", "3", "3"),
    ("SO_LINGER", "5s", "5s"),
    ("SO_BSDCOMPAT", "on", "off"),
    (
        "SO_TIMESTAMPING",
        "rx-software+software",
        "rx-software+software",
    ),
    ("SO_TXTIME", "tai+report-errors", "tai+report-errors"),
    ("IP_TTL", "9", "9"),
    ("IP_TOS", "ef", "184"),
    ("IP_MTU_DISCOVER", "probe", "probe"),
    ("IP_MULTICAST_TTL", "9", "9"),
    ("IP_MULTICAST_IF", "127.0.0.1", "127.0.0.1"),
    ("IP_UNICAST_IF", "lo", "lo"),
    ("IP_LOCAL_PORT_RANGE", "40000-40999", "40000-40999"),
    ("IP_MINTTL", "9", "9"),
    ("IP_OPTIONS", "01010100", "01010100"),
    ("IPV6_UNICAST_HOPS", "9", "9"),
    ("IPV6_TCLASS", "af41", "136"),
    ("IPV6_MTU_DISCOVER", "do", "do"),
    ("IPV6_MULTICAST_HOPS", "9", "9"),
    ("IPV6_MULTICAST_IF", "lo", "lo"),
    ("IPV6_UNICAST_IF", "lo", "lo"),
    ("IPV6_ADDR_PREFERENCES", "tmp+coa", "tmp+coa"),
    ("IPV6_MINHOPCOUNT", "9", "9"),
    ("IPV6_HOPOPTS", "0000010400000000", "0000010400000000"),
    ("IPV6_RTHDRDSTOPTS", "0000010400000000", "0000010400000000"),
    ("IPV6_DSTOPTS", "0000010400000000", "0000010400000000"),
    ("UDP_SEGMENT", "1400", "1400"),
    ("UDP_ENCAP", "l2tpinudp", "l2tpinudp"),
];

/// What the kernel refuses on a UDP socket, whoever asks.
const REFUSED: &[(&str, &str, &[i32])] = &[
    ("SO_RESERVE_MEM", "4096", &[libc::EOPNOTSUPP]),
    ("SO_TXREHASH", "1", &[libc::EOPNOTSUPP]),
    // Taken to no effect before Linux 6.16.
    ("SO_PASSCRED", "on", &[0, libc::EOPNOTSUPP]),
    ("SO_PASSSEC", "on", &[0, libc::EOPNOTSUPP]),
    (
        "SO_PASSPIDFD",
        "on",
        &[0, libc::EOPNOTSUPP, libc::ENOPROTOOPT],
    ),
    (
        "SO_PASSRIGHTS",
        "on",
        &[libc::EOPNOTSUPP, libc::ENOPROTOOPT],
    ),
    ("SO_DETACH_FILTER", "on", &[libc::ENOENT]),
    ("SO_DETACH_REUSEPORT_BPF", "on", &[libc::EINVAL]),
    ("IP_HDRINCL", "on", &[libc::ENOPROTOOPT]),
    ("IP_NODEFRAG", "on", &[libc::ENOPROTOOPT]),
    ("IP_ROUTER_ALERT", "on", &[libc::EINVAL]),
    ("IPV6_ROUTER_ALERT", "1", &[libc::ENOPROTOOPT]),
    ("IPV6_AUTHHDR", "on", &[libc::ENOPROTOOPT]),
    ("IPV6_ADDRFORM", "AF_INET", &[libc::EINVAL, libc::ENOTCONN]),
    // Type 0 routing headers are forbidden (RFC 5095).
    (
        "IPV6_RTHDR",
        "0002000100000000000000000000000000000000000000001",
        &[-1],
    ),
    (
        "IPV6_RTHDR",
        "000200010000000000000000000000000000000000000001",
        &[libc::EINVAL],
    ),
    (
        "IPV6_JOIN_ANYCAST",
        "2001:db8::1%lo",
        &[libc::EADDRNOTAVAIL, libc::EPERM],
    ),
    ("IPV6_LEAVE_ANYCAST", "2001:db8::1%lo", &[libc::ENOENT]),
];

/// TransportConfig without a value to be read, in order on one socket, with the errno that shows their
/// effect: a group that was joined cannot be joined again.
const SEQUENCES: &[(Family, &[(&str, i32)])] = &[
    (
        Family::V4,
        &[
            ("IP_ADD_MEMBERSHIP=239.1.2.3%lo", 0),
            ("IP_ADD_MEMBERSHIP=239.1.2.3%lo", libc::EADDRINUSE),
            ("IP_ADD_MEMBERSHIP=239.1.2.4%127.0.0.1", 0),
            ("IP_BLOCK_SOURCE=192.0.2.1@239.1.2.4%127.0.0.1", 0),
            ("IP_UNBLOCK_SOURCE=192.0.2.1@239.1.2.4%127.0.0.1", 0),
            (
                "IP_UNBLOCK_SOURCE=192.0.2.1@239.1.2.4%127.0.0.1",
                libc::EADDRNOTAVAIL,
            ),
            ("IP_DROP_MEMBERSHIP=239.1.2.3%lo", 0),
            ("IP_DROP_MEMBERSHIP=239.1.2.3%lo", libc::EADDRNOTAVAIL),
            ("IP_ADD_SOURCE_MEMBERSHIP=192.0.2.1@232.1.2.3%127.0.0.1", 0),
            ("IP_DROP_SOURCE_MEMBERSHIP=192.0.2.1@232.1.2.3%127.0.0.1", 0),
            (
                "IP_DROP_SOURCE_MEMBERSHIP=192.0.2.1@232.1.2.3%127.0.0.1",
                libc::EINVAL,
            ),
            ("IP_ADD_MEMBERSHIP=192.0.2.1%lo", libc::EINVAL),
            ("IPV6_ADD_MEMBERSHIP=ff15::1%lo", libc::ENOPROTOOPT),
        ],
    ),
    (
        Family::V4,
        &[
            ("MCAST_JOIN_GROUP=239.1.2.3%lo", 0),
            ("MCAST_JOIN_GROUP=239.1.2.3%lo", libc::EADDRINUSE),
            ("MCAST_BLOCK_SOURCE=192.0.2.1@239.1.2.3%lo", 0),
            ("MCAST_UNBLOCK_SOURCE=192.0.2.1@239.1.2.3%lo", 0),
            (
                "MCAST_UNBLOCK_SOURCE=192.0.2.1@239.1.2.3%lo",
                libc::EADDRNOTAVAIL,
            ),
            ("MCAST_LEAVE_GROUP=239.1.2.3%lo", 0),
            ("MCAST_LEAVE_GROUP=239.1.2.3%lo", libc::EADDRNOTAVAIL),
            ("MCAST_JOIN_SOURCE_GROUP=192.0.2.1@232.1.2.3%lo", 0),
            ("MCAST_LEAVE_SOURCE_GROUP=192.0.2.1@232.1.2.3%lo", 0),
            (
                "MCAST_LEAVE_SOURCE_GROUP=192.0.2.1@232.1.2.3%lo",
                libc::EINVAL,
            ),
        ],
    ),
    (
        Family::V6,
        &[
            ("IPV6_ADD_MEMBERSHIP=ff15::1%lo", 0),
            ("IPV6_JOIN_GROUP=ff15::1%lo", libc::EADDRINUSE),
            ("IPV6_DROP_MEMBERSHIP=ff15::1%lo", 0),
            ("IPV6_DROP_MEMBERSHIP=ff15::1%lo", libc::EADDRNOTAVAIL),
            ("MCAST_JOIN_GROUP=ff15::2%lo", 0),
            ("MCAST_JOIN_GROUP=ff15::2%lo", libc::EADDRINUSE),
            ("MCAST_LEAVE_GROUP=ff15::2%lo", 0),
            ("MCAST_JOIN_SOURCE_GROUP=2001:db8::1@ff35::3%lo", 0),
            ("MCAST_LEAVE_SOURCE_GROUP=2001:db8::1@ff35::3%lo", 0),
            ("IP_ADD_MEMBERSHIP=239.1.2.3%lo", 0),
            ("IP_ADD_MEMBERSHIP=239.1.2.3%lo", libc::EADDRINUSE),
            ("IPV6_PKTINFO=::1%lo", 0),
            ("IPV6_PKTINFO=192.0.2.1", -1),
            ("IPV6_MTU=1279", libc::EINVAL),
            ("IPV6_MTU=1280", 0),
        ],
    ),
    (
        Family::V4,
        &[("SO_CNX_ADVICE=on", 0), ("SO_BUSY_POLL_BUDGET=65535", 0)],
    ),
];

/// Options that are set with an effect that another option shows.
const SHOWN_BY: &[(&str, &str, &str, &str)] = &[
    ("SO_RCVBUFFORCE", "64MiB", "SO_RCVBUF", "134217728"),
    ("SO_SNDBUFFORCE", "64MiB", "SO_SNDBUF", "134217728"),
    ("IP_FREEBIND", "on", "IPV6_FREEBIND", "on"),
    ("IPV6_TRANSPARENT", "on", "IP_TRANSPARENT", "on"),
    ("SO_TIMESTAMP", "on", "SO_TIMESTAMPNS", "off"),
    ("SO_RCVBUF", "0", "SO_RCVBUF", "2304"),
    ("SO_SNDBUF", "0", "SO_SNDBUF", "4608"),
];

fn endpoint(family: Family) -> Endpoint {
    Endpoint::builder().unbound(family).unwrap()
}

/// Whether it is this machine that stands in the way, and not the catalogue: a missing capability,
/// or an older kernel. Nothing that a test could bring along.
fn is_out_of_reach(option: &SocketOption, error: &Error) -> bool {
    let why = match error.errno() {
        Some(libc::EPERM | libc::EACCES) if !option.privilege.is_empty() => option.privilege,
        Some(libc::ENOPROTOOPT) if is_newer(option.since) => "a newer kernel",
        _ => return false,
    };
    eprintln!("SKIPPED: {} needs {why}", option.name);
    true
}

fn is_newer(since: &str) -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let version = |text: &str| -> Vec<u16> {
        let numbers = text.split(|c: char| !c.is_ascii_digit()).take(2);
        numbers.filter_map(|number| number.parse().ok()).collect()
    };
    version(since) > version(&release)
}

/// The value to set and the value to expect, if the option is to be tested by reading it back.
fn plan(option: &SocketOption, before: &Value) -> (Value, String) {
    if let Some((_, set, expected)) = SET.iter().find(|(name, ..)| *name == option.name) {
        return (option.parse(set).unwrap(), (*expected).to_owned());
    }
    match before {
        Value::Flag(on) => (Value::Flag(!on), Value::Flag(!on).to_string()),
        _ => panic!("{}: no value to set is known", option.name),
    }
}

#[test]
fn what_can_be_set_is_read_back() {
    for family in FAMILIES {
        let mut tested = 0;
        for option in SocketOption::all() {
            let excused = REFUSED.iter().any(|(name, ..)| *name == option.name)
                || option.name == "IPV6_MTU"
                || !option.is_settable()
                || option.access == Access::Write
                || !option.is_for(family);
            if excused {
                continue;
            }
            let socket = endpoint(family);
            let before = match option.get(socket.as_fd()) {
                Ok(value) => value,
                Err(error) if is_out_of_reach(option, &error) => continue,
                Err(error) => panic!("{family}: {error}"),
            };
            // The kernel switches it off for a socket of IPv6, which has its own.
            if (option.name, family) == ("IP_MULTICAST_ALL", Family::V6) {
                assert_eq!(before.to_string(), "off");
            }
            let (value, expected) = plan(option, &before);
            assert_ne!(
                before, value,
                "{family} {}: the test changes nothing",
                option.name
            );
            let setting = OptionValue::new(option, value);
            match setting.apply(socket.as_fd()) {
                Ok(()) => {}
                Err(error) if is_out_of_reach(option, &error) => continue,
                Err(error) => panic!("{family}: {error}"),
            }
            let effective = setting.effective(socket.as_fd()).unwrap();
            let shown = match option.kind {
                // The kernel adds the defaults of what was not asked for.
                Kind::Bits(_) => effective.to_string().replace("+pubtmp-default", ""),
                _ => effective.to_string(),
            };
            assert_eq!(shown, expected, "{family} {}", option.name);
            tested += 1;
        }
        assert!(tested > 50, "{family}: only {tested} options were tested");
    }
}

#[test]
fn what_the_kernel_refuses_has_the_errno_that_is_known() {
    for (name, value, expected) in REFUSED {
        let option = SocketOption::find(name).unwrap();
        let Ok(value) = option.parse(value) else {
            assert_eq!(*expected, [-1], "{name}={value}");
            continue;
        };
        for family in FAMILIES.into_iter().filter(|family| option.is_for(*family)) {
            let errno = match option.set(endpoint(family).as_fd(), &value) {
                Ok(()) => 0,
                Err(error) => error.errno().unwrap(),
            };
            assert!(expected.contains(&errno), "{family} {name}: errno {errno}");
        }
    }
}

#[test]
fn settings_that_cannot_be_read_have_their_effect() {
    for (family, steps) in SEQUENCES {
        let socket = endpoint(*family);
        for (text, expected) in *steps {
            let setting: OptionValue = text.parse().unwrap();
            let errno = match setting.apply(socket.as_fd()) {
                Ok(()) => 0,
                Err(error) if is_out_of_reach(setting.option(), &error) => continue,
                // Refused before the kernel is asked: no errno.
                Err(error) => error.errno().unwrap_or(-1),
            };
            assert_eq!(errno, *expected, "{family} {text}");
        }
    }
    for (name, value, by, expected) in SHOWN_BY {
        let socket = endpoint(Family::V6);
        let option = SocketOption::find(name).unwrap();
        match option.set(socket.as_fd(), &option.parse(value).unwrap()) {
            Ok(()) => {}
            Err(error) if is_out_of_reach(option, &error) => continue,
            Err(error) => panic!("{error}"),
        }
        let shown = SocketOption::find(by).unwrap().get(socket.as_fd()).unwrap();
        assert_eq!(shown.to_string(), *expected, "{name}={value} in {by}");
    }
}

/// Every option that can be set but not read is in a table above.
#[test]
fn no_option_is_left_out() {
    for option in SocketOption::all().filter(|option| option.is_settable()) {
        if option.access == Access::ReadWrite {
            continue;
        }
        let name = option.name;
        let in_sequence = SEQUENCES
            .iter()
            .flat_map(|(_, steps)| *steps)
            .any(|(text, _)| text.split_once('=').is_some_and(|(step, _)| step == name));
        let elsewhere = REFUSED.iter().any(|(refused, ..)| *refused == name)
            || SHOWN_BY.iter().any(|(shown, ..)| *shown == name);
        assert!(in_sequence || elsewhere, "{name} is set by no test");
    }
}

/// An IPv6 socket that is connected over IPv4 becomes one of IPv4, and tells its path MTU.
#[test]
fn options_that_need_a_connection() {
    let server = Endpoint::builder()
        .bind(([127, 0, 0, 1], 0).into())
        .unwrap();
    let socket = endpoint(Family::V6);
    let port = server.local_address().unwrap().port();
    let mapped = format!("[::ffff:127.0.0.1]:{port}").parse().unwrap();
    let value = |name: &str| {
        SocketOption::find(name)
            .and_then(|option| option.get(socket.as_fd()))
            .map(|value| value.to_string())
    };
    let error = value("IP_MTU").unwrap_err();
    assert_eq!(error.errno_name().as_deref(), Some("ENOTCONN"));
    assert!(error.to_string().contains("connected first"), "{error}");
    socket.connect(mapped).unwrap();
    assert_eq!(value("SO_PEERNAME").unwrap(), mapped.to_string());
    assert_eq!(value("SO_DOMAIN").unwrap(), "AF_INET6");
    let setting: OptionValue = "IPV6_ADDRFORM=AF_INET".parse().unwrap();
    setting.apply(socket.as_fd()).unwrap();
    assert_eq!(value("SO_DOMAIN").unwrap(), "AF_INET");
    assert!(value("IP_MTU").unwrap().parse::<u32>().unwrap() >= 1280);
}

/// The one option whose length counts instructions: it is asked for its number of them alone.
#[test]
fn a_filter_is_counted() {
    let socket = endpoint(Family::V4);
    let option = SocketOption::find("SO_GET_FILTER").unwrap();
    assert_eq!(option.get(socket.as_fd()).unwrap(), Value::Int(0));
    // BPF_RET | BPF_K: take the whole datagram; padded with jumps to the next instruction.
    let jump = |_| socket2::SockFilter::new(0x05, 0, 0, 0);
    let mut program: Vec<_> = (0..100).map(jump).collect();
    program.push(socket2::SockFilter::new(0x06, 0, 0, u32::MAX));
    socket2::SockRef::from(&socket)
        .attach_filter(&program)
        .unwrap();
    assert_eq!(option.get(socket.as_fd()).unwrap(), Value::Int(101));
    let setting: OptionValue = "SO_DETACH_FILTER".parse().unwrap();
    setting.apply(socket.as_fd()).unwrap();
    assert_eq!(option.get(socket.as_fd()).unwrap(), Value::Int(0));
}

/// Every option that can be read is read, or refused with an errno that has a name.
#[test]
fn what_can_be_read_is_read() {
    for family in FAMILIES {
        for option in SocketOption::all().filter(|option| option.is_readable()) {
            match option.get(endpoint(family).as_fd()) {
                Ok(value) => assert!(!value.to_string().is_empty(), "{}", option.name),
                Err(error) => assert!(error.errno().is_some(), "{error}"),
            }
        }
    }
}
