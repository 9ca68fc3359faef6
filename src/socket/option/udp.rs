//! `IPPROTO_UDP`: the options of UDP itself (udp(7)).

use super::{Encapsulation, ReadWrite, typed};
use crate::socket::options::UDP;

typed! { UDP;
    /// Collects what is sent into one datagram, which leaves when the option is switched off
    /// (udp(7)).
    UDP_CORK: bool, ReadWrite;
    /// Cuts each send into datagrams of this many bytes, below the stack (GSO); 0 is off (udp(7)).
    UDP_SEGMENT: u16, ReadWrite;
    /// Receives a run of datagrams of one flow at once, with their size in a control message
    /// (udp(7)).
    UDP_GRO: bool, ReadWrite;
    /// Sends with a checksum of zero over IPv6 (RFC 6936, udp(7)).
    UDP_NO_CHECK6_TX: bool, ReadWrite;
    /// Receives datagrams with a checksum of zero over IPv6 (RFC 6936, udp(7)).
    UDP_NO_CHECK6_RX: bool, ReadWrite;
    /// Hands what is received to the kernel's IPsec or L2TP instead of the program (udp(7)).
    UDP_ENCAP: Encapsulation, ReadWrite;
}
