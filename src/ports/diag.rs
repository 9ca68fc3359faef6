//! The kernel's list of UDP sockets by sock_diag(7).

use std::io;
use std::net::{IpAddr, SocketAddr};

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_UDP};
use netlink_packet_sock_diag::inet::{
    ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags, nlas::Nla,
};
use netlink_sys::{Socket as Netlink, SocketAddr as NetlinkAddress, protocols::NETLINK_SOCK_DIAG};

use super::Socket;
use crate::error::{Error, Result};
use crate::socket::Family;

/// The kernel fills at most 32 KiB at once, however large the buffer is (netlink(7)).
const BUFFER: usize = 1 << 16;

/// All sockets, or those of the port if it is one; IPv4 first, each family in the kernel's order.
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
    Error::os("ask the kernel for", "UDP sockets by sock_diag", source)
}

fn garbled(what: impl ToString) -> Error {
    failed(io::Error::new(io::ErrorKind::InvalidData, what.to_string()))
}

fn dump(family: Family, port: u16, sockets: &mut Vec<Socket>) -> Result<()> {
    let netlink = Netlink::new(NETLINK_SOCK_DIAG).map_err(failed)?;
    netlink
        .connect(&NetlinkAddress::new(0, 0))
        .map_err(failed)?;
    netlink.send(&request(family, port), 0).map_err(failed)?;
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = match netlink.recv(&mut &mut buffer[..], 0) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result.map_err(failed)?,
        };
        let mut rest = buffer.get(..length).unwrap_or_default();
        if rest.is_empty() {
            return Err(garbled("the answer is empty"));
        }
        while !rest.is_empty() {
            let message = NetlinkMessage::<SockDiagMessage>::deserialize(rest).map_err(garbled)?;
            match message.payload {
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => {
                    sockets.push(socket(family, &response));
                }
                NetlinkPayload::Done(_) => return Ok(()),
                NetlinkPayload::Error(error) => return Err(failed(error.to_io())),
                _ => {}
            }
            // Messages are aligned to four bytes (netlink(3)); one without a length would be for ever.
            let step = (message.header.length as usize).next_multiple_of(4);
            if step == 0 {
                return Err(garbled("a message has no length"));
            }
            rest = rest.get(step..).unwrap_or_default();
        }
    }
}

fn request(family: Family, port: u16) -> Vec<u8> {
    let (family, mut socket_id) = match family {
        Family::V4 => (AF_INET, SocketId::new_v4()),
        Family::V6 => (AF_INET6, SocketId::new_v6()),
    };
    socket_id.source_port = port;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let request = InetRequest {
        family,
        protocol: IPPROTO_UDP,
        extensions: ExtensionFlags::SKMEMINFO,
        states: StateFlags::all(),
        socket_id,
    };
    let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

fn socket(family: Family, response: &InetResponse) -> Socket {
    let header = &response.header;
    let id = &header.socket_id;
    let mut socket = Socket {
        family,
        local: address(id.source_address, id.source_port),
        remote: (id.destination_port != 0)
            .then(|| address(id.destination_address, id.destination_port)),
        device: (id.interface_id != 0).then_some(id.interface_id),
        inode: header.inode.into(),
        uid: header.uid,
        waiting: header.recv_queue,
        capacity: None,
        drops: 0,
        only_v6: None,
        owners: Vec::new(),
        sharing: None,
        groups: None,
    };
    for attribute in &response.nlas {
        match attribute {
            Nla::MemInfo(memory) => {
                socket.capacity = Some(memory.receive_queue_max);
                socket.drops = memory.drops.into();
            }
            Nla::SkV6Only(only) => socket.only_v6 = Some(*only),
            _ => {}
        }
    }
    socket
}

fn address(ip: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(ip, port)
}
