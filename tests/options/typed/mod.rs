//! The typed constants against the catalogue's text, and against getsockopt(2) by libc.

mod agree;
mod values;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use agree::{Case, both, read, write};
use nix::net::if_::if_nametoindex;
use udpraw::socket::Family::{self, V4, V6};
use udpraw::socket::option::{
    self, AddressPreferences, BufferLock, Clock, Encapsulation, Interface, MemoryInfo,
    PathMtuDiscovery, Scoped, SourceMembership, Timestamping, TransmitTime,
};
use udpraw::socket::options::{Access, Kind, SocketOption};

const SECONDS: Duration = Duration::from_secs(2);
const PADDING: [u8; 8] = [0, 0, 1, 4, 0, 0, 0, 0];
const PORTS: RangeInclusive<u16> = 40_000..=40_999;
const TAI: TransmitTime = TransmitTime {
    clock: Clock::Tai,
    deadline: false,
    report_errors: true,
};

fn lo() -> Interface {
    Interface::Index(if_nametoindex("lo").unwrap())
}

fn on_lo(address: impl Into<IpAddr>) -> Scoped {
    Scoped {
        address: address.into(),
        interface: lo(),
    }
}

fn group(family: Family) -> Scoped {
    match family {
        V4 => on_lo(Ipv4Addr::new(239, 1, 2, 3)),
        V6 => on_lo(Ipv6Addr::new(0xff15, 0, 0, 0, 0, 0, 0, 1)),
    }
}

fn source() -> SourceMembership {
    SourceMembership {
        source: Ipv4Addr::new(192, 0, 2, 1).into(),
        group: on_lo(Ipv4Addr::new(232, 1, 2, 3)),
    }
}

fn source_by_address() -> SourceMembership {
    let mut source = source();
    source.group.interface = Interface::Address(Ipv4Addr::LOCALHOST);
    source
}

macro_rules! flags {
    ($cases:ident, $level:expr; $($name:ident,)+) => {$(
        for (value, text) in [(false, "off"), (true, "on")] {
            let foreign = ($level, libc::$name);
            $cases.push(both(option::$name, value, text, Some(foreign)));
        }
    )+};
}

macro_rules! values {
    ($cases:ident, $level:expr; $($name:ident = $value:expr, $text:literal;)+) => {$(
        let foreign = ($level, libc::$name);
        $cases.push(both(option::$name, $value, $text, Some(foreign)));
    )+};
}

macro_rules! write_only {
    ($cases:ident; $($name:ident = $value:expr, $text:literal;)+) => {$(
        $cases.push(write(option::$name, $value, $text));
    )+};
}

/// Options without a number in libc: the headers' test compares those.
fn without_number(cases: &mut Vec<Case>) {
    for option in [
        option::SO_RCVPRIORITY,
        option::SO_PASSRIGHTS,
        option::IP_RECVERR_RFC4884,
        option::IPV6_RECVERR_RFC4884,
    ] {
        cases.push(both(option, true, "on", None));
    }
    cases.push(both(
        option::IP_LOCAL_PORT_RANGE,
        PORTS,
        "40000-40999",
        None,
    ));
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    flags! { cases, libc::SOL_SOCKET;
        SO_REUSEADDR, SO_REUSEPORT, SO_BROADCAST, SO_RXQ_OVFL, SO_DONTROUTE, SO_RCVMARK,
        SO_ZEROCOPY, SO_PREFER_BUSY_POLL, SO_SELECT_ERR_QUEUE, SO_LOCK_FILTER, SO_NO_CHECK,
        SO_NOFCS, SO_WIFI_STATUS, SO_DEBUG, SO_KEEPALIVE, SO_OOBINLINE, SO_BSDCOMPAT, SO_PASSCRED,
        SO_PASSSEC, SO_PASSPIDFD,
    }
    values! { cases, libc::SOL_SOCKET;
        SO_RCVBUF = 65536, "64KiB";
        SO_SNDBUF = 65536, "64KiB";
        SO_BUF_LOCK = BufferLock::RECEIVE, "receive";
        SO_RESERVE_MEM = 4096, "4096";
        SO_RCVTIMEO = SECONDS, "2s";
        SO_SNDTIMEO = SECONDS, "2s";
        SO_RCVLOWAT = 2, "2";
        SO_BINDTODEVICE = "lo".into(), "lo";
        SO_BINDTOIFINDEX = lo(), "lo";
        SO_PRIORITY = 6, "6";
        SO_MARK = 0xffff_fffe, "0xfffffffe";
        SO_MAX_PACING_RATE = 10_000_000_000, "10G";
        SO_TXREHASH = 1, "1";
        SO_BUSY_POLL = Duration::from_micros(50), "50us";
        SO_INCOMING_CPU = 0, "0";
        SO_PEEK_OFF = 3, "3";
        SO_LINGER = Some(5), "5s";
    }
    flags! { cases, libc::SOL_SOCKET;
        SO_TIMESTAMP, SO_TIMESTAMPNS,
    }
    values! { cases, libc::SOL_SOCKET;
        SO_TIMESTAMPING = Timestamping::RX_SOFTWARE | Timestamping::SOFTWARE, "rx-software+software";
        SO_TXTIME = TAI, "tai+report-errors";
    }
    flags! { cases, libc::IPPROTO_IP;
        IP_RECVERR, IP_PKTINFO, IP_RECVTOS, IP_RECVTTL, IP_RECVORIGDSTADDR, IP_RECVOPTS, IP_RETOPTS,
        IP_RECVFRAGSIZE, IP_CHECKSUM, IP_PASSSEC, IP_MULTICAST_LOOP, IP_MULTICAST_ALL, IP_FREEBIND,
        IP_TRANSPARENT, IP_BIND_ADDRESS_NO_PORT, IP_HDRINCL, IP_NODEFRAG, IP_ROUTER_ALERT,
    }
    values! { cases, libc::IPPROTO_IP;
        IP_TTL = 9, "9";
        IP_TOS = 0xb8, "ef";
        IP_MTU_DISCOVER = PathMtuDiscovery::Probe, "probe";
        IP_MULTICAST_TTL = 9, "9";
        IP_MULTICAST_IF = Interface::Address(Ipv4Addr::LOCALHOST), "127.0.0.1";
        IP_UNICAST_IF = lo(), "lo";
        IP_MINTTL = 9, "9";
        IP_OPTIONS = vec![1, 1, 1, 0], "01010100";
    }
    flags! { cases, libc::IPPROTO_IPV6;
        IPV6_V6ONLY, IPV6_DONTFRAG, IPV6_RECVPATHMTU, IPV6_RECVERR, IPV6_RECVPKTINFO,
        IPV6_RECVTCLASS, IPV6_RECVHOPLIMIT, IPV6_FLOWINFO, IPV6_RECVORIGDSTADDR, IPV6_RECVFRAGSIZE,
        IPV6_RECVHOPOPTS, IPV6_RECVDSTOPTS, IPV6_RECVRTHDR, IPV6_MULTICAST_LOOP, IPV6_MULTICAST_ALL,
        IPV6_FREEBIND, IPV6_TRANSPARENT, IPV6_AUTOFLOWLABEL, IPV6_FLOWINFO_SEND, IPV6_2292PKTINFO,
        IPV6_2292HOPLIMIT, IPV6_2292HOPOPTS, IPV6_2292DSTOPTS, IPV6_2292RTHDR,
        IPV6_ROUTER_ALERT_ISOLATE, IPV6_AUTHHDR,
    }
    values! { cases, libc::IPPROTO_IPV6;
        IPV6_UNICAST_HOPS = 9, "9";
        IPV6_TCLASS = 0x88, "af41";
        IPV6_MTU_DISCOVER = PathMtuDiscovery::Do, "do";
        IPV6_MTU = 1280, "1280";
        IPV6_MULTICAST_HOPS = 9, "9";
        IPV6_MULTICAST_IF = lo(), "lo";
        IPV6_UNICAST_IF = lo(), "lo";
        IPV6_ADDR_PREFERENCES = AddressPreferences::TMP | AddressPreferences::COA, "tmp+coa";
        IPV6_MINHOPCOUNT = 9, "9";
        IPV6_HOPOPTS = PADDING.into(), "0000010400000000";
        IPV6_RTHDRDSTOPTS = PADDING.into(), "0000010400000000";
        IPV6_RTHDR = vec![0; 24], "000000000000000000000000000000000000000000000000";
        IPV6_DSTOPTS = PADDING.into(), "0000010400000000";
        IPV6_ADDRFORM = Family::V4, "AF_INET";
        IPV6_ROUTER_ALERT = 1, "1";
    }
    flags! { cases, libc::IPPROTO_UDP;
        UDP_CORK, UDP_GRO, UDP_NO_CHECK6_TX, UDP_NO_CHECK6_RX,
    }
    values! { cases, libc::IPPROTO_UDP;
        UDP_SEGMENT = 1400, "1400";
        UDP_ENCAP = Encapsulation::L2tpInUdp, "l2tpinudp";
    }
    write_only(&mut cases);
    without_number(&mut cases);
    read_only(&mut cases);
    cases
}

#[rustfmt::skip]
fn write_only(cases: &mut Vec<Case>) {
    write_only! { cases;
        SO_DETACH_FILTER = true, "on";
        SO_DETACH_REUSEPORT_BPF = true, "on";
        SO_CNX_ADVICE = true, "on";
        SO_RCVBUFFORCE = 1 << 26, "64MiB";
        SO_SNDBUFFORCE = 1 << 26, "64MiB";
        SO_BUSY_POLL_BUDGET = 65_535, "65535";
        IP_ADD_MEMBERSHIP = group(V4), "239.1.2.3%lo";
        IP_DROP_MEMBERSHIP = group(V4), "239.1.2.3%lo";
        IP_ADD_SOURCE_MEMBERSHIP = source_by_address(), "192.0.2.1@232.1.2.3%127.0.0.1";
        IP_DROP_SOURCE_MEMBERSHIP = source_by_address(), "192.0.2.1@232.1.2.3%127.0.0.1";
        IP_BLOCK_SOURCE = source_by_address(), "192.0.2.1@232.1.2.3%127.0.0.1";
        IP_UNBLOCK_SOURCE = source_by_address(), "192.0.2.1@232.1.2.3%127.0.0.1";
        IPV6_ADD_MEMBERSHIP = group(V6), "ff15::1%lo";
        IPV6_DROP_MEMBERSHIP = group(V6), "ff15::1%lo";
        IPV6_JOIN_ANYCAST = group(V6), "ff15::1%lo";
        IPV6_LEAVE_ANYCAST = group(V6), "ff15::1%lo";
        IPV6_PKTINFO = on_lo(Ipv6Addr::LOCALHOST), "::1%lo";
        MCAST_JOIN_GROUP = group(V4), "239.1.2.3%lo";
        MCAST_LEAVE_GROUP = group(V4), "239.1.2.3%lo";
        MCAST_JOIN_SOURCE_GROUP = source(), "192.0.2.1@232.1.2.3%lo";
        MCAST_LEAVE_SOURCE_GROUP = source(), "192.0.2.1@232.1.2.3%lo";
        MCAST_BLOCK_SOURCE = source(), "192.0.2.1@232.1.2.3%lo";
        MCAST_UNBLOCK_SOURCE = source(), "192.0.2.1@232.1.2.3%lo";
    }
}

fn hex(bytes: Vec<u8>) -> String {
    if bytes.is_empty() {
        "none".into()
    } else {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn memory(memory: MemoryInfo) -> String {
    format!(
        "rmem_alloc={} rcvbuf={} wmem_alloc={} sndbuf={} fwd_alloc={} wmem_queued={} optmem={} \
         backlog={} drops={}",
        memory.rmem_alloc,
        memory.rcvbuf,
        memory.wmem_alloc,
        memory.sndbuf,
        memory.fwd_alloc,
        memory.wmem_queued,
        memory.optmem,
        memory.backlog,
        memory.drops,
    )
}

fn read_only(cases: &mut Vec<Case>) {
    cases.push(read(option::SO_MEMINFO, memory));
    for option in [
        option::SO_SNDLOWAT,
        option::SO_BPF_EXTENSIONS,
        option::IP_PROTOCOL,
    ] {
        cases.push(read(option, |number| number.to_string()));
    }
    for option in [
        option::SO_INCOMING_NAPI_ID,
        option::SO_GET_FILTER,
        option::IP_MTU,
        option::IPV6_PATHMTU,
    ] {
        cases.push(read(option, |number| number.to_string()));
    }
    for option in [option::SO_COOKIE, option::SO_NETNS_COOKIE] {
        cases.push(read(option, |number| number.to_string()));
    }
    cases.push(read(option::SO_ERROR, |errno| {
        assert_eq!(errno, 0);
        "none".into()
    }));
    cases.push(read(option::SO_TYPE, |number| {
        assert_eq!(number, libc::SOCK_DGRAM);
        "SOCK_DGRAM".into()
    }));
    cases.push(read(option::SO_PROTOCOL, |number| {
        assert_eq!(number, libc::IPPROTO_UDP);
        "IPPROTO_UDP".into()
    }));
    cases.push(read(option::SO_DOMAIN, |family| match family {
        V4 => "AF_INET".into(),
        V6 => "AF_INET6".into(),
    }));
    cases.push(read(option::SO_ACCEPTCONN, |on| {
        if on { "on" } else { "off" }.into()
    }));
    cases.push(read(option::SO_PEERNAME, |address| address.to_string()));
    for option in [option::SO_PEERCRED, option::SO_PEERSEC] {
        cases.push(read(option, hex));
    }
}

#[test]
fn types_and_text_and_libc_agree() {
    for case in cases() {
        for family in [V4, V6]
            .into_iter()
            .filter(|family| case.option.is_for(*family))
        {
            (case.check)(family);
        }
    }
}

/// Every option of the catalogue has a constant, unless its value is a structure with pointers.
#[test]
fn every_option_has_a_constant_with_its_access() {
    let cases = cases();
    let typed: BTreeSet<_> = cases.iter().map(|case| case.option.name).collect();
    for option in SocketOption::all() {
        let name = option.name;
        assert_eq!(
            typed.contains(name),
            option.kind != Kind::Structure,
            "{name}"
        );
    }
    for case in &cases {
        // The program of a filter is set by pointer; how long it is can be read.
        let access = match case.option.kind {
            Kind::Filter => Access::Read,
            _ => case.option.access,
        };
        assert_eq!(case.access, access, "{}", case.option.name);
        // The constant is the catalogue's entry, and no copy.
        let found = SocketOption::find(case.option.name).unwrap();
        assert!(std::ptr::eq(case.option, found), "{}", case.option.name);
    }
}
