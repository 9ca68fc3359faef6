//! Every option of the kernel's headers is in the catalogue, or in a list that says why not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use udpraw::socket::Family;
use udpraw::socket::options::{Level, SocketOption};

use crate::common::skip;

/// Where options are defined, and at which level.
const HEADERS: [(&str, Level); 4] = [
    ("/usr/include/asm-generic/socket.h", Level::Socket),
    ("/usr/include/linux/in.h", Level::Ip),
    ("/usr/include/linux/in6.h", Level::Ipv6),
    ("/usr/include/linux/udp.h", Level::Udp),
];

const OPTIONS: [&str; 5] = ["SO_", "IP_", "IPV6_", "MCAST_", "UDP_"];

/// Constants that are values or flags, not options.
const VALUES: &[&str] = &[
    "IP_PMTUDISC_",
    "IP_DEFAULT_MULTICAST_",
    "IP_MSFILTER_SIZE",
    "MCAST_EXCLUDE",
    "MCAST_INCLUDE",
    "IPV6_FL_",
    "IPV6_FLOWINFO_FLOWLABEL",
    "IPV6_FLOWINFO_PRIORITY",
    "IPV6_PRIORITY_",
    "IPV6_TLV_",
    "IPV6_PMTUDISC_",
    "IPV6_PREFER_SRC_",
    "UDP_ENCAP_",
];

const YEAR_2038: &str = "for programs whose time_t has 32 bits; this one's has 64";
const NEVER: &str = "no kernel ever had it";
const UNIX: &str = "unix(7) sockets alone have a peer process";
const DEVMEM: &str = "TCP alone receives into the memory of devices";
const RAW: &str = "raw(7) sockets alone know it: ENOPROTOOPT";
const MESSAGE: &str = "a control message alone: ENOPROTOOPT as an option";

/// Options that a UDP socket has nothing to do with, each with the reason.
const NOT_FOR_UDP: &[(&str, &str)] = &[
    ("SO_SECURITY_AUTHENTICATION", NEVER),
    ("SO_SECURITY_ENCRYPTION_TRANSPORT", NEVER),
    ("SO_SECURITY_ENCRYPTION_NETWORK", NEVER),
    ("SO_TIMESTAMP_NEW", YEAR_2038),
    ("SO_TIMESTAMPNS_NEW", YEAR_2038),
    ("SO_TIMESTAMPING_NEW", YEAR_2038),
    ("SO_RCVTIMEO_NEW", YEAR_2038),
    ("SO_SNDTIMEO_NEW", YEAR_2038),
    ("SO_PEERGROUPS", UNIX),
    ("SO_PEERPIDFD", UNIX),
    ("SO_INQ", UNIX),
    ("SO_DEVMEM_LINEAR", DEVMEM),
    ("SO_DEVMEM_DMABUF", DEVMEM),
    ("SO_DEVMEM_DONTNEED", DEVMEM),
    ("IP_PKTOPTIONS", "SOCK_STREAM alone: ENOPROTOOPT"),
    ("IPV6_CHECKSUM", RAW),
    ("IPV6_HDRINCL", RAW),
    ("IPV6_NEXTHOP", MESSAGE),
    ("IPV6_HOPLIMIT", MESSAGE),
    ("IPV6_USE_MIN_MTU", "no kernel implements it: ENOPROTOOPT"),
    (
        "IPV6_IPSEC_POLICY",
        "PF_KEY's policy, which no kernel takes: EOPNOTSUPP",
    ),
    (
        "IPV6_XFRM_POLICY",
        "IP_XFRM_POLICY is the one of both families",
    ),
];

/// Each `#define` of an option with its number, where it is one or the name of one.
fn defined(header: &str) -> BTreeMap<String, i32> {
    let mut numbers = BTreeMap::new();
    for line in header.lines() {
        let mut words = line.split_whitespace();
        let (Some("#define"), Some(name), Some(value)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let number = value.parse().ok().or_else(|| numbers.get(value).copied());
        if let Some(number) = number
            && OPTIONS.iter().any(|prefix| name.starts_with(prefix))
        {
            numbers.entry(name.to_owned()).or_insert(number);
        }
    }
    numbers
}

#[test]
fn the_catalogue_has_every_option_of_the_headers_with_its_number() {
    let mut missing = Vec::new();
    for (path, level) in HEADERS {
        if !Path::new(path).exists() {
            skip(&format!("{path} is not there (package linux-libc-dev)"));
            continue;
        }
        let constants = defined(&fs::read_to_string(path).unwrap());
        assert!(constants.len() > 5, "{path} defines next to nothing");
        for (name, number) in constants {
            let is_value = VALUES.iter().any(|prefix| name.starts_with(prefix));
            if is_value || NOT_FOR_UDP.iter().any(|(excused, _)| *excused == name) {
                continue;
            }
            let Some(option) = SocketOption::all()
                .find(|option| option.name == name || option.aliases.contains(&&*name))
            else {
                missing.push(name);
                continue;
            };
            assert_eq!(option.number, number, "{name}");
            let number = |level: Level| level.number(Family::V4);
            assert_eq!(number(option.level), number(level), "{name}");
        }
    }
    assert!(missing.is_empty(), "not in the catalogue: {missing:?}");
}

#[test]
fn what_is_excused_is_not_in_the_catalogue_too() {
    for (name, reason) in NOT_FOR_UDP {
        assert!(
            SocketOption::all().all(|option| option.name != *name),
            "{name} is in the catalogue although: {reason}"
        );
    }
}

#[test]
fn names_and_constants_are_unique() {
    let mut names = Vec::new();
    let mut constants = Vec::new();
    for option in SocketOption::all() {
        names.push(option.name);
        names.extend(option.aliases);
        constants.push((option.level.to_string(), option.number));
    }
    assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len());
    let distinct: BTreeSet<_> = constants.iter().collect();
    assert_eq!(constants.len(), distinct.len());
}

#[test]
fn every_entry_is_complete() {
    for option in SocketOption::all() {
        let name = option.name;
        assert!(!option.meaning.is_empty(), "{name}");
        assert!(!option.man.is_empty(), "{name}");
        assert!(!option.meaning.ends_with('.'), "{name}: no full stops");
        let version: Vec<_> = option.since.split('.').map(str::parse::<u16>).collect();
        assert!(
            version.len() >= 2 && version.iter().all(Result::is_ok),
            "{name} since {}",
            option.since
        );
        for text in option.traps.iter().chain([&option.meaning]) {
            assert!(!text.contains("  "), "{name}: {text}");
        }
    }
}
