//! Reads the kernel's list of UDP sockets from `/proc/net/udp` and `/proc/net/udp6` (proc(5)): those of
//! the calling thread's network namespace, in the form of sock_diag.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Socket;
use crate::error::{Error, Result};
use crate::socket::Family;

/// Lists all sockets, IPv4 first.
pub(super) fn read() -> Result<Vec<Socket>> {
    let file = |path: &str| {
        fs::read_to_string(path).map_err(|source| Error::os("read", path.to_owned(), source))
    };
    let mut sockets: Vec<_> = parse(Family::V4, &file("/proc/thread-self/net/udp")?).collect();
    // A kernel without IPv6 has no such file.
    if let Ok(text) = file("/proc/thread-self/net/udp6") {
        sockets.extend(parse(Family::V6, &text));
    }
    Ok(sockets)
}

/// Reads the lines after the heading; invalid ones are skipped.
fn parse(family: Family, text: &str) -> impl Iterator<Item = Socket> {
    text.lines()
        .skip(1)
        .filter_map(move |line| socket(family, line))
}

/// `sl local rem st tx:rx tr:tm retrnsmt uid timeout inode ref pointer drops`
fn socket(family: Family, line: &str) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let local = address(family, fields.next()?)?;
    let remote = address(family, fields.next()?)?;
    let mut fields = fields.skip(1);
    let (_, waiting) = fields.next()?.split_once(':')?;
    let mut fields = fields.skip(2);
    let uid = fields.next()?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    let drops = fields.nth(2)?.parse().ok()?;
    Some(Socket {
        family,
        local,
        remote: (remote.port() != 0).then_some(remote),
        device: None,
        inode,
        uid,
        waiting: u32::from_str_radix(waiting, 16).ok()?,
        capacity: None,
        drops,
        only_v6: None,
        owners: Vec::new(),
        sharing: None,
        groups: None,
    })
}

/// `0100007F:0035`: each 32 bits of the address as this machine's number, the port as a number.
fn address(family: Family, text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    Some(SocketAddr::new(ip_address(family, ip)?, port))
}

/// An address of `/proc/net`: 8 digits, or 32.
pub(super) fn ip_address(family: Family, digits: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let digits = digits.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    match (family, digits.len()) {
        (Family::V4, 8) => Some(Ipv4Addr::from(word(0)?).into()),
        (Family::V6, 32) => {
            let mut bytes = [0; 16];
            for (at, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(at)?);
            }
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    const LINES: &str = "\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 1044: 0100007F:0424 0200007F:A000 01 00000000:00000300 00:00000000 00000000  1000        0 78901 2 0000000000000000 17
 nonsense
 1045: 0100007F:0424 00000000:0000 07 00000000:00000000 00:00000000";

    #[test]
    fn reads_a_line_and_passes_over_nonsense() {
        let sockets: Vec<_> = parse(Family::V4, LINES).collect();
        assert_eq!(sockets.len(), 1);
        let socket = &sockets[0];
        assert_eq!(socket.local, "127.0.0.1:1060".parse().unwrap());
        assert_eq!(socket.remote, Some("127.0.0.2:40960".parse().unwrap()));
        assert_eq!((socket.uid, socket.inode), (1000, 78901));
        assert_eq!((socket.waiting, socket.drops), (0x300, 17));
    }

    #[test]
    fn reads_an_address_of_ipv6() {
        let text = "00000000000000000000000001000000:0035";
        assert_eq!(address(Family::V6, text), Some("[::1]:53".parse().unwrap()));
        for bad in [
            "",
            ":",
            "0100007F:0035",
            "0100007F00000000é000000001000000:0035",
        ] {
            assert_eq!(address(Family::V6, bad), None);
        }
    }

    /// The other source is the oracle: this process's own sockets, in both.
    #[test]
    fn both_sources_tell_the_same() {
        let sockets: Vec<_> = ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"]
            .iter()
            .filter_map(|at| std::net::UdpSocket::bind(at).ok())
            .collect();
        sockets[0]
            .connect(sockets[1].local_addr().unwrap())
            .unwrap();
        sockets[0].send(b"wait").unwrap();
        let own: Vec<_> = sockets.iter().map(|s| s.local_addr().unwrap()).collect();
        let reported = |all: Vec<Socket>| {
            let mut all: Vec<_> = all
                .into_iter()
                .filter(|socket| own.contains(&socket.local))
                .map(|s| (s.local, s.remote, s.uid, s.inode, s.waiting, s.drops))
                .collect();
            all.sort();
            all
        };
        let ours = reported(read().unwrap());
        assert_eq!(ours.len(), own.len());
        assert_eq!(ours, reported(super::super::diag::read(&[]).unwrap()));
    }
}
