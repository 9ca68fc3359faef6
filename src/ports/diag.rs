//! The kernel's list of UDP sockets by sock_diag(7): one request and its response messages, structures
//! of `linux/inet_diag.h` after a `struct nlmsghdr` (netlink(7)).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, connect, recv, send,
    socket,
};

use super::Socket;
use crate::error::{Error, Result};
use crate::socket::Family;

/// The kernel fills at most 32 KiB at once, however large the buffer is (netlink(7)).
const BUFFER: usize = 1 << 16;

/// `SOCK_DIAG_BY_FAMILY`: the type of the request, and of each socket in the response.
const BY_FAMILY: u16 = 20;

/// The attributes of a socket that are read: `INET_DIAG_SKMEMINFO` and `INET_DIAG_SKV6ONLY`.
const MEMORY: u16 = 7;
const ONLY_V6: u16 = 11;

/// Lists all sockets, or those of one port; IPv4 first, each family in the kernel's order.
pub(super) fn read(ports: &[u16]) -> Result<Vec<Socket>> {
    let port = match ports {
        [port] => *port,
        _ => 0,
    };
    let mut sockets = Vec::new();
    dump(Family::V4, port, &mut sockets)?;
    match dump(Family::V6, port, &mut sockets) {
        // A kernel without IPv6 has no such sockets.
        Err(error) if error.errno() == Some(libc::ENOENT) => {}
        result => result?,
    }
    Ok(sockets)
}

fn failed(source: io::Error) -> Error {
    Error::os("list", "UDP sockets with sock_diag", source)
}

fn garbled(what: impl ToString) -> Error {
    failed(io::Error::new(io::ErrorKind::InvalidData, what.to_string()))
}

fn open() -> nix::Result<OwnedFd> {
    let netlink = socket(
        AddressFamily::Netlink,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkSockDiag,
    )?;
    // To the kernel, so that no other process can answer in its place.
    connect(netlink.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
    Ok(netlink)
}

fn dump(family: Family, port: u16, sockets: &mut Vec<Socket>) -> Result<()> {
    let os = |errno: Errno| failed(errno.into());
    let netlink = open().map_err(os)?;
    send(
        netlink.as_raw_fd(),
        &request(family, port),
        MsgFlags::empty(),
    )
    .map_err(os)?;
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = match recv(netlink.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
            Err(Errno::EINTR) => continue,
            result => result.map_err(os)?,
        };
        let rest = buffer.get(..length).unwrap_or_default();
        if rest.is_empty() {
            return Err(garbled("the response is empty"));
        }
        if messages(family, rest, sockets)? == End::Reached {
            return Ok(());
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Reached,
    Ahead,
}

/// Adds the sockets of one datagram's messages.
fn messages(family: Family, mut rest: &[u8], sockets: &mut Vec<Socket>) -> Result<End> {
    while let Some((length, kind)) = u32_at(rest, 0).zip(u16_at(rest, 4)) {
        let payload = rest
            .get(16..length as usize)
            .ok_or_else(|| garbled("a message does not have its stated length"))?;
        match i32::from(kind) {
            // Both contain a negative errno, or 0 for none.
            end @ (libc::NLMSG_ERROR | libc::NLMSG_DONE) => {
                let errno = u32_at(payload, 0).unwrap_or_default().cast_signed();
                if errno < 0 {
                    let source = io::Error::from_raw_os_error(errno.saturating_neg());
                    return Err(failed(source));
                }
                if end == libc::NLMSG_DONE {
                    return Ok(End::Reached);
                }
            }
            _ if kind == BY_FAMILY => {
                let socket = socket_of(family, payload);
                sockets.push(socket.ok_or_else(|| garbled("a socket's description is truncated"))?);
            }
            _ => {}
        }
        // Messages are aligned to four bytes (netlink(3)).
        let step = (length as usize).next_multiple_of(4);
        rest = rest.get(step..).unwrap_or_default();
    }
    Ok(End::Ahead)
}

/// A `struct nlmsghdr` and a `struct inet_diag_req_v2`.
fn request(family: Family, port: u16) -> Vec<u8> {
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16;
    let mut bytes = Vec::with_capacity(72);
    bytes.extend(72_u32.to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    // The sequence number and the sender: the kernel fills in the latter.
    bytes.extend([0; 8]);

    let family = match family {
        Family::V4 => libc::AF_INET,
        Family::V6 => libc::AF_INET6,
    };
    bytes.extend([family as u8, libc::IPPROTO_UDP as u8, 1 << (MEMORY - 1), 0]);
    // Sockets in all states.
    bytes.extend(u32::MAX.to_ne_bytes());
    bytes.extend(port.to_be_bytes());
    // Any remote port, both addresses, any interface; and no cookie.
    bytes.extend([0; 2 + 16 + 16 + 4]);
    bytes.extend([0xff; 8]);
    bytes
}

/// Reads a `struct inet_diag_msg` and the attributes after it; `None` if it is truncated.
fn socket_of(family: Family, bytes: &[u8]) -> Option<Socket> {
    let address = |port: usize, address: usize| {
        let port = u16::from_be(u16_at(bytes, port)?);
        let address: &[u8; 16] = bytes.get(address..)?.first_chunk()?;
        let ip = match family {
            Family::V4 => IpAddr::from(Ipv4Addr::from(*address.first_chunk::<4>()?)),
            Family::V6 => IpAddr::from(Ipv6Addr::from(*address)),
        };
        Some(SocketAddr::new(ip, port))
    };
    let (remote, device) = (address(6, 24)?, u32_at(bytes, 40)?);
    let mut socket = Socket {
        family,
        local: address(4, 8)?,
        remote: (remote.port() != 0).then_some(remote),
        device: (device != 0).then_some(device),
        inode: u32_at(bytes, 68)?.into(),
        uid: u32_at(bytes, 64)?,
        waiting: u32_at(bytes, 56)?,
        capacity: None,
        drops: 0,
        only_v6: None,
        owners: Vec::new(),
        sharing: None,
        groups: None,
    };
    let mut rest = bytes.get(72..).unwrap_or_default();
    while let Some((length, kind)) = u16_at(rest, 0).zip(u16_at(rest, 2)) {
        let payload = rest.get(4..length.into())?;
        match kind {
            // The counters of SO_MEMINFO: the second is the buffer's size, the ninth counts drops.
            MEMORY => {
                socket.capacity = Some(u32_at(payload, 4)?);
                socket.drops = u32_at(payload, 32).unwrap_or_default().into();
            }
            ONLY_V6 => socket.only_v6 = Some(*payload.first()? != 0),
            _ => {}
        }
        let step = usize::from(length).next_multiple_of(4);
        rest = rest.get(step..).unwrap_or_default();
    }
    Some(socket)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A header of this type, and its payload.
    fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = (16 + payload.len() as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn an_error_is_an_error_and_the_end_is_the_end() {
        let mut sockets = Vec::new();
        let mut read = |bytes: &[u8]| messages(Family::V4, bytes, &mut sockets);
        let error = (-libc::ENOENT).to_ne_bytes();
        for kind in [libc::NLMSG_ERROR, libc::NLMSG_DONE] {
            let failure = read(&message(kind as u16, &error)).unwrap_err();
            assert_eq!(failure.errno(), Some(libc::ENOENT));
        }
        let done = message(libc::NLMSG_DONE as u16, &[0; 4]);
        assert_eq!(read(&done).unwrap(), End::Reached);
        let noop = message(libc::NLMSG_NOOP as u16, &[]);
        assert_eq!(read(&noop).unwrap(), End::Ahead);
        read(&message(BY_FAMILY, &[0; 71])).unwrap_err();
        read(&[0; 16]).unwrap_err();
        assert_eq!(read(&message(BY_FAMILY, &[0; 72])).unwrap(), End::Ahead);
        assert_eq!(sockets.len(), 1);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(
            lengths in prop::collection::vec(0_u16..80, 0..8),
            bytes in prop::collection::vec(any::<u8>(), 0..400),
        ) {
            let _ = messages(Family::V6, &bytes, &mut Vec::new());
            let mut description = vec![1; 72];
            for length in lengths {
                description.extend(length.to_ne_bytes());
                description.extend([MEMORY as u8, 0]);
                description.resize(description.len() + usize::from(length / 2), 2);
            }
            let _ = messages(Family::V6, &message(BY_FAMILY, &description), &mut Vec::new());
            let _ = socket_of(Family::V4, &bytes);
        }
    }
}
