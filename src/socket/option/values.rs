//! The types of values that are neither numbers nor flags.

use std::net::IpAddr;

use crate::socket::options::Scoped;

/// Whether outgoing datagrams may be fragmented, and what limits them (`IP_MTU_DISCOVER`, ip(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum PathMtuDiscovery {
    /// Fragments whatever does not fit; "don't fragment" is never set.
    Dont = libc::IP_PMTUDISC_DONT,
    /// Fragments what is above the known path MTU, and forbids routers to (the default).
    Want = libc::IP_PMTUDISC_WANT,
    /// Never fragments: EMSGSIZE for what is above the known path MTU.
    Do = libc::IP_PMTUDISC_DO,
    /// Never fragments, and ignores the known path MTU: only the interface's MTU limits a datagram.
    /// For probes (RFC 8899).
    Probe = libc::IP_PMTUDISC_PROBE,
    /// Never fragments, and takes the interface's MTU for that of the path, whatever ICMP says.
    Interface = libc::IP_PMTUDISC_INTERFACE,
    /// As [`Self::Interface`], but fragments what is above the interface's MTU.
    Omit = libc::IP_PMTUDISC_OMIT,
}

/// What is encapsulated in UDP, for the kernel to unpack (`UDP_ENCAP`, udp(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum Encapsulation {
    /// Nothing: the program receives the datagrams.
    None = 0,
    /// IPsec ESP (RFC 3948).
    EspInUdp = 2,
    /// L2TP (RFC 2661).
    L2tpInUdp = 3,
}

/// A clock that transmit times are given by (`SO_TXTIME`, clock_gettime(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum Clock {
    /// `CLOCK_REALTIME`.
    Realtime = libc::CLOCK_REALTIME,
    /// `CLOCK_MONOTONIC`, the one that the fq queueing discipline uses.
    Monotonic = libc::CLOCK_MONOTONIC,
    /// `CLOCK_TAI`, the one that the etf queueing discipline uses.
    Tai = libc::CLOCK_TAI,
}

/// How transmit times are given (`struct sock_txtime`, `linux/net_tstamp.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransmitTime {
    /// The clock.
    pub clock: Clock,
    /// Whether the time is the latest to send at, and not the earliest (`SOF_TXTIME_DEADLINE_MODE`).
    pub deadline: bool,
    /// Whether datagrams that missed their time are reported in the error queue
    /// (`SOF_TXTIME_REPORT_ERRORS`).
    pub report_errors: bool,
}

/// One source of a multicast group, and the interface (RFC 3678).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceMembership {
    /// Who sends to the group.
    pub source: IpAddr,
    /// The group, and the interface to join it on.
    pub group: Scoped,
}

/// The memory of a socket, in bytes, and the datagrams that it dropped (`SO_MEMINFO`,
/// `linux/sock_diag.h`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MemoryInfo {
    /// Memory of datagrams that wait to be received.
    pub rmem_alloc: u32,
    /// The size of the receive buffer, as `SO_RCVBUF` returns it.
    pub rcvbuf: u32,
    /// Memory of datagrams that wait to be sent.
    pub wmem_alloc: u32,
    /// The size of the send buffer, as `SO_SNDBUF` returns it.
    pub sndbuf: u32,
    /// Memory that is set aside and not used yet.
    pub fwd_alloc: u32,
    /// Memory of queued data of a stream.
    pub wmem_queued: u32,
    /// Memory of options and other extras.
    pub optmem: u32,
    /// Memory of what waits while the socket is locked.
    pub backlog: u32,
    /// How many datagrams the kernel dropped on the socket since it was made.
    pub drops: u32,
}

impl MemoryInfo {
    /// Of the counters in the kernel's order.
    pub(super) fn from_counters(counters: [u32; 9]) -> Self {
        let [
            rmem_alloc,
            rcvbuf,
            wmem_alloc,
            sndbuf,
            fwd_alloc,
            wmem_queued,
            optmem,
            backlog,
            drops,
        ] = counters;
        Self {
            rmem_alloc,
            rcvbuf,
            wmem_alloc,
            sndbuf,
            fwd_alloc,
            wmem_queued,
            optmem,
            backlog,
            drops,
        }
    }
}
