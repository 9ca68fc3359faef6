//! Multicast and broadcast: every socket that the kernel gives a copy is named, and no other.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, Socket, Type};
use udpraw::ports::{Arriving, Receiver, copies, read, receiver};

use crate::common::{finish, json_lines};
use crate::{alone, fresh_namespace};

const PORT: u16 = 7001;
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
/// The index of loopback in every namespace.
const LOOPBACK: u32 = 1;

fn bound(address: &str, prepare: impl Fn(&Socket)) -> Socket {
    let address = SocketAddr::new(address.parse().unwrap(), PORT);
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP)).unwrap();
    socket.set_reuse_address(true).unwrap();
    prepare(&socket);
    socket.bind(&SockAddr::from(address)).unwrap();
    socket
}

fn join(socket: &Socket) {
    let interface = InterfaceIndexOrAddress::Index(LOOPBACK);
    socket.join_multicast_v4_n(&GROUP, &interface).unwrap();
}

fn members_only(socket: &Socket) {
    socket.set_multicast_all_v4(false).unwrap();
}

#[test]
fn each_receiver_of_a_copy_is_named() {
    let _alone = alone();
    if !fresh_namespace() {
        return;
    }
    let sockets = [
        bound("0.0.0.0", join),
        bound("0.0.0.0", |_| {}),
        bound("0.0.0.0", members_only),
        bound("0.0.0.0", |socket| {
            members_only(socket);
            join(socket);
        }),
        bound("239.1.2.3", |_| {}),
        bound("127.0.0.1", |_| {}),
        bound("::", |socket| socket.set_only_v6(false).unwrap()),
        bound("::", |socket| socket.set_only_v6(true).unwrap()),
        bound("127.255.255.255", |_| {}),
    ];
    let sender = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
    sender.set_broadcast(true).unwrap();
    sender.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    let here = SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    sender.bind(&here).unwrap();
    let told = read(&[PORT]).unwrap().sockets;
    for (to, want) in [
        // For IPv4 groups, IP_MULTICAST_ALL is off on an IPv6 socket from the start.
        (GROUP, &[0, 1, 3, 4][..]),
        (Ipv4Addr::new(127, 255, 255, 255), &[0, 1, 2, 3, 6, 8]),
    ] {
        let datagram = Arriving {
            from: None,
            to: IpAddr::V4(to),
            device: Some(LOOPBACK),
            cpu: None,
        };
        let Receiver::Each { sockets: named } = copies(&told, &datagram) else {
            panic!("{to}");
        };
        if to.is_multicast() {
            let sockets = named.clone();
            assert_eq!(receiver(&told, &datagram), Receiver::Each { sockets });
        }
        let mut named: Vec<usize> = named
            .iter()
            .map(|at| {
                let fd = told[*at].owners[0].fd as i32;
                sockets
                    .iter()
                    .position(|socket| socket.as_raw_fd() == fd)
                    .unwrap()
            })
            .collect();
        named.sort_unstable();
        assert_eq!(named, want, "{to}");
        let there = SockAddr::from(SocketAddr::from((to, PORT)));
        sender.send_to(b"x", &there).unwrap();
        let got: Vec<usize> = (0..sockets.len())
            .filter(|at| has_got(&sockets[*at], want.contains(at)))
            .collect();
        assert_eq!(got, want, "{to}");
    }
    let port = PORT.to_string();
    let text = finish(&["ports", &port]).stdout;
    for line in [
        "to 239.1.2.3 (multicast) on lo: a copy for each of 4: ",
        "to a broadcast address: a copy for each of 5: ",
    ] {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
    let json = json_lines(&finish(&["ports", "--json", &port]).stdout);
    let copies = |record: &serde_json::Value| {
        let gets = record["deliveries"].as_array().cloned().unwrap_or_default();
        gets.iter()
            .any(|gets| gets["rule"] == "copy" && gets["destination"] == "239.1.2.3")
    };
    assert_eq!(json.iter().filter(|record| copies(record)).count(), 4);
}

/// Whether a datagram has come; one that must is waited for.
fn has_got(socket: &Socket, must: bool) -> bool {
    let flags = if must {
        MsgFlags::empty()
    } else {
        MsgFlags::MSG_DONTWAIT
    };
    if must {
        socket
            .set_read_timeout(Some(crate::common::PATIENCE))
            .unwrap();
    }
    match recv(socket.as_raw_fd(), &mut [0; 9], flags) {
        Ok(_) => true,
        Err(Errno::EAGAIN) => false,
        Err(Errno::EINTR) => has_got(socket, must),
        Err(errno) => panic!("{errno}"),
    }
}
