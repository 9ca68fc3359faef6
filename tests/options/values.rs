//! Values as text: what is accepted, what is refused and why, and that text and value agree.

use proptest::prelude::*;

use udpraw::socket::options::{Kind, OptionValue, SocketOption, Value};

const ACCEPTED: &[(&str, &str)] = &[
    ("SO_REUSEADDR", "SO_REUSEADDR=on"),
    ("so_reuseaddr=yes", "SO_REUSEADDR=on"),
    ("reuseaddr=0", "SO_REUSEADDR=off"),
    ("rcvbuf=4MiB", "SO_RCVBUF=4194304"),
    ("so-rcvbuf = 64k", "SO_RCVBUF=64000"),
    ("SO_RCVTIMEO=1500us", "SO_RCVTIMEO=1500us"),
    ("SO_RCVTIMEO=0.25", "SO_RCVTIMEO=250ms"),
    ("SO_BUSY_POLL=50", "SO_BUSY_POLL=50"),
    ("SO_BUSY_POLL=1ms", "SO_BUSY_POLL=1000"),
    ("SO_LINGER=2m", "SO_LINGER=120s"),
    ("SO_MARK=0x2A", "SO_MARK=42"),
    (
        "SO_MAX_PACING_RATE=unlimited",
        "SO_MAX_PACING_RATE=unlimited",
    ),
    (
        "SO_TIMESTAMPING=software | rx-software",
        "SO_TIMESTAMPING=rx-software+software",
    ),
    (
        "SO_TIMESTAMPING=0x100010",
        "SO_TIMESTAMPING=software+0x100000",
    ),
    ("SO_TXTIME=TAI+deadline", "SO_TXTIME=tai+deadline"),
    ("IP_TOS=EF", "IP_TOS=184"),
    ("IPV6_TCLASS=-1", "IPV6_TCLASS=-1"),
    ("IP_MTU_DISCOVER=PROBE", "IP_MTU_DISCOVER=probe"),
    ("IP_MTU_DISCOVER=2", "IP_MTU_DISCOVER=do"),
    ("IP_LOCAL_PORT_RANGE=0-40999", "IP_LOCAL_PORT_RANGE=0-40999"),
    ("SO_BINDTODEVICE=any", "SO_BINDTODEVICE=any"),
    ("IPV6_MULTICAST_IF=lo", "IPV6_MULTICAST_IF=lo"),
    ("IP_ADD_MEMBERSHIP=239.1.2.3", "IP_ADD_MEMBERSHIP=239.1.2.3"),
    (
        "IPV6_JOIN_GROUP=[ff15::1]%lo",
        "IPV6_ADD_MEMBERSHIP=ff15::1%lo",
    ),
    (
        "MCAST_JOIN_SOURCE_GROUP=192.0.2.1@232.1.2.3%lo",
        "MCAST_JOIN_SOURCE_GROUP=192.0.2.1@232.1.2.3%lo",
    ),
    ("IP_OPTIONS=0101", "IP_OPTIONS=0101"),
];

/// What is refused, and a part of what is said about it.
const REFUSED: &[(&str, &str)] = &[
    ("SO_RCVBUF=4x", "unknown unit 'x'"),
    ("SO_RCVBUF=2147483648", "do not fit"),
    ("SO_RCVBUF=-1", "negative"),
    ("SO_RCVBUF=", "not a number"),
    ("SO_RCVBUF", "no value was given"),
    ("SO_REUSEADDR=", "not on or off"),
    ("SO_REUSEADDR=2", "not on or off"),
    ("IP_TTL=256", "not within 1 to 255"),
    ("IP_TTL=0", "not within 1 to 255"),
    ("IP_TTL=0x-1", "not a whole number"),
    ("IP_TTL=99999999999999999999", "not a whole number"),
    ("SO_MARK=4294967296", "not within"),
    ("IP_TOS=af55", "not a whole number"),
    ("IP_TOS=af55", "af41"),
    (
        "IP_MTU_DISCOVER=never",
        "allowed: dont, want, do, probe, interface, omit",
    ),
    ("IP_MTU_DISCOVER=6", "allowed: dont"),
    ("SO_TIMESTAMPING=rx-soft", "rx-software"),
    ("SO_TXTIME=boottime", "no clock 'boottime'"),
    ("SO_TXTIME=tai+soon", "no flag 'soon'"),
    ("SO_RCVTIMEO=1.5ns", "not a whole number of microseconds"),
    ("SO_BUSY_POLL=1h", "do not fit"),
    ("SO_LINGER=1.5s", "whole number of seconds"),
    ("IP_LOCAL_PORT_RANGE=9-5", "9 is above 5"),
    ("IP_LOCAL_PORT_RANGE=1-65536", "not within 0 to 65535"),
    ("SO_BINDTODEVICE=sixteen-letters-", "at most 15 bytes"),
    ("SO_BINDTODEVICE=a\0b", "is no interface's name"),
    ("SO_BINDTODEVICE=", "is no interface's name"),
    ("IPV6_MULTICAST_IF=nope0", "no interface 'nope0'"),
    ("IPV6_MULTICAST_IF=127.0.0.1", "no interface's name"),
    ("IP_ADD_MEMBERSHIP=239.1.2", "not an IP address"),
    ("IP_ADD_MEMBERSHIP=239.1.2.3%nope0", "no interface 'nope0'"),
    ("MCAST_JOIN_SOURCE_GROUP=232.1.2.3", "no '@'"),
    (
        "MCAST_JOIN_SOURCE_GROUP=::1@232.1.2.3",
        "different families",
    ),
    ("IP_OPTIONS=010", "pairs of hexadecimal"),
    ("IP_OPTIONS=0g", "pairs of hexadecimal"),
    (
        "IP_OPTIONS=0101010101010101010101010101010101010101010101010101010101010101010101010101010101",
        "more than 40 bytes",
    ),
    ("SO_TYPE=1", "it can only be read"),
    ("SO_ATTACH_FILTER=1", "cannot be written as text"),
    ("SO_RCVBUFF=1", "did you mean SO_RCVBUF"),
    ("mtu_discover=do", "IP_MTU_DISCOVER or IPV6_MTU_DISCOVER"),
    ("=1", "unknown name"),
    ("", "unknown name"),
    ("\x1b[31m=1", "unknown name"),
    ("IP_TTL=\x1b[31m", "not a whole number"),
];

#[test]
fn accepts_what_people_write() {
    for (text, expected) in ACCEPTED {
        let setting: OptionValue = text
            .parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(setting.to_string(), *expected, "{text}");
    }
}

#[test]
fn refuses_the_rest_in_one_line_that_says_why() {
    for (text, part) in REFUSED {
        let error = match text.parse::<OptionValue>() {
            Ok(setting) => panic!("{text} was taken for {setting}"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(part), "{text}: {error}");
        assert!(!error.contains(char::is_control), "{text}: {error:?}");
    }
}

#[test]
fn what_a_kind_allows_is_said_for_every_option() {
    for option in SocketOption::all().filter(|option| option.is_settable()) {
        if option.kind == Kind::Flag {
            continue;
        }
        let error = option.parse("\u{1}?").unwrap_err();
        let allowed = option.kind.allowed();
        assert!(error.to_string().contains(&*allowed), "{error}");
    }
}

/// Any name of the catalogue, and any text after the equals sign.
fn any_setting() -> impl Strategy<Value = String> {
    let options: Vec<_> = SocketOption::all().collect();
    let value = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<u32>().prop_map(|number| format!("{number:#x}")),
        any::<i16>().prop_map(|number| number.to_string()),
        "[0-9]{1,6}(us|ms|s|k|KiB)?",
        "(on|off|any|none|unlimited|tai|monotonic)(\\+deadline)?",
        "[0-9a-f]{0,12}",
        "[0-9]{1,5}-[0-9]{1,5}",
        any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
        any::<std::net::IpAddr>().prop_map(|address| format!("{address}%lo")),
        any::<[std::net::Ipv6Addr; 2]>().prop_map(|[a, b]| format!("{a}@{b}%1")),
        ".{0,20}",
    ];
    (prop::sample::select(options), value)
        .prop_map(|(option, value)| format!("{}={value}", option.name))
}

proptest! {
    #![proptest_config(crate::common::cases(2048))]

    #[test]
    fn what_is_accepted_is_the_same_when_written_and_read_again(text in any_setting()) {
        if let Ok(setting) = text.parse::<OptionValue>() {
            let again: OptionValue = setting.to_string().parse().unwrap();
            prop_assert_eq!(setting, again);
        }
    }

}

proptest! {
    #[test]
    fn no_text_panics_or_reaches_the_terminal_raw(text in ".{0,40}") {
        if let Err(error) = text.parse::<OptionValue>() {
            prop_assert!(!error.to_string().contains(char::is_control), "{error:?}");
        }
    }

    #[test]
    fn whole_numbers_are_taken_just_within_their_range(number in -300_i64..70_000) {
        for option in SocketOption::all().filter(|option| option.is_settable()) {
            if let Kind::Int { low, high } = option.kind {
                let fits = (i64::from(low)..=i64::from(high)).contains(&number);
                let parsed = option.parse(&number.to_string());
                prop_assert_eq!(parsed.ok(), fits.then_some(Value::Int(number)));
            }
        }
    }
}
