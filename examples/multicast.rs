//! Joins a multicast group, sends to it, and receives what it sent, over IPv4 or IPv6.
//!
//! ```sh
//! cargo run --no-default-features --example multicast -- [GROUP:PORT [INTERFACE [COUNT]]]
//! ```
//!
//! It sends COUNT datagrams (default 3) to GROUP:PORT (default 239.255.0.1:0; port 0 lets the kernel
//! choose one) on INTERFACE (default `lo`), and ends when it has received them. On `lo` they never leave
//! this machine; on another interface they reach its link, and no router passes them on.
//!
//! Over IPv6 the group is one such as `[ff12::1060]:0`. `lo` has no route for those; to try it there, in
//! a network of its own:
//!
//! ```sh
//! unshare -rn sh -c 'ip link set lo up; ip -6 route add local ff00::/8 dev lo
//!   target/debug/examples/multicast "[ff12::1060]:0"'
//! ```
//!
//! What to look at:
//! - `strace -e trace=network target/debug/examples/multicast`: each option is one `setsockopt`.
//! - `udpraw options MCAST_JOIN_GROUP`: what an option means, since when Linux has it, and its pitfalls.
//!
//! Man pages: ip(7), ipv6(7), setsockopt(2); RFC 3678 (joining), RFC 4291 section 2.7 (IPv6 groups).

use std::env;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use udpraw::socket::option::{self, Interface, Scoped};
use udpraw::socket::{Endpoint, ReceiveBuffer};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let group = arguments.next().unwrap_or("239.255.0.1:0".into());
    let mut group: SocketAddr = group.parse()?;
    let name = arguments.next().unwrap_or("lo".into());
    let count: u32 = arguments.next().map_or(Ok(3), |it| it.parse())?;
    let interface: Interface = name.parse()?;

    // An IPv6 group exists on each link anew: its address names the interface.
    if let (SocketAddr::V6(group), Interface::Index(index)) = (&mut group, interface) {
        group.set_scope_id(index);
    }
    // Bound to the group's own address, the receiver gets nothing but what was sent to the group.
    let membership = Scoped {
        address: group.ip(),
        interface,
    };
    let receiver = Endpoint::builder()
        .option(option::SO_REUSEADDR, true) // Other programs may listen to the group as well.
        .packet_info(true)
        .option(option::MCAST_JOIN_GROUP, membership) // The same for IPv4 and IPv6.
        .bind(group)?;
    group.set_port(receiver.local_address()?.port());
    println!("joined {} on {name}, port {}", group.ip(), group.port());

    // The sender chooses the interface, how far a datagram goes (1: to this link), and whether this
    // machine receives it too.
    let outgoing = match group.ip() {
        IpAddr::V4(_) => [
            option::IP_MULTICAST_IF.with_value(interface),
            option::IP_MULTICAST_TTL.with_value(1),
            option::IP_MULTICAST_LOOP.with_value(true),
        ],
        IpAddr::V6(_) => [
            option::IPV6_MULTICAST_IF.with_value(interface),
            option::IPV6_MULTICAST_HOPS.with_value(1),
            option::IPV6_MULTICAST_LOOP.with_value(true),
        ],
    };
    let sender = Endpoint::builder()
        .options(outgoing)
        .unbound(receiver.family())?;

    let mut buffer = ReceiveBuffer::new();
    for number in 1..=count {
        sender.send_to(format!("number {number}").as_bytes(), group)?;
        if receiver.wait(Some(Duration::from_secs(2)))?.is_none() {
            return Err("nothing arrived: does a firewall drop multicast?".into());
        }
        let datagram = receiver.receive(&mut buffer)?;
        let text = String::from_utf8_lossy(datagram.bytes());
        let destination = datagram.destination().unwrap_or(group.ip());
        println!("{text:?} from {} to {destination}", datagram.source());
    }
    Ok(())
}
