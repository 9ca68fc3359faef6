//! Which of several sockets gets a datagram: many random sets of sockets, and each prediction is
//! compared with where a datagram that is really sent turns up.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use udpraw::ports::{Arriving, Receiver, read, receiver};

use crate::common::{PATIENCE, cases, received};
use crate::{alone, fresh_namespace};

/// Free in a namespace of its own.
const PORT: u16 = 7000;

const LOCAL: [&str; 6] = [
    "127.0.0.1",
    "127.0.0.2",
    "0.0.0.0",
    "::1",
    "::",
    "::ffff:127.0.0.1",
];

const PEERS: [&str; 3] = ["127.0.0.1:9001", "127.0.0.2:9002", "[::1]:9003"];

const TARGETS: [&str; 4] = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "::1"];

#[derive(Clone, Debug)]
struct Plan {
    local: usize,
    only_v6: bool,
    reuse_address: bool,
    reuse_port: bool,
    on_loopback: bool,
    cpu: Option<u32>,
    peer: Option<usize>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let options = (any::<bool>(), prop::bool::weighted(0.8), any::<bool>());
    let rare = (
        prop::bool::weighted(0.2),
        prop::option::weighted(0.2, 0..2_u32),
        prop::option::weighted(0.25, 0..PEERS.len()),
    );
    (0..LOCAL.len(), options, rare).prop_map(
        |(local, (only_v6, reuse_address, reuse_port), (on_loopback, cpu, peer))| Plan {
            local,
            only_v6,
            reuse_address,
            reuse_port,
            on_loopback,
            cpu,
            peer,
        },
    )
}

/// Sockets that mostly may share their port: all by the last, all by hash, or each as it likes.
fn sets() -> impl Strategy<Value = Vec<Plan>> {
    let plans = prop::collection::vec(plan(), 1..9);
    (plans, 0..4).prop_map(|(mut plans, pool_config)| {
        for plan in &mut plans {
            match pool_config {
                0 => (plan.reuse_address, plan.reuse_port) = (true, false),
                1 => (plan.reuse_address, plan.reuse_port) = (false, true),
                2 => plan.reuse_address = true,
                _ => {}
            }
        }
        plans
    })
}

impl Plan {
    /// The socket, or the refusal of the kernel: not every set may share a port.
    fn open(&self) -> io::Result<Socket> {
        let local = SocketAddr::new(LOCAL[self.local].parse().unwrap(), PORT);
        let socket = Socket::new(Domain::for_address(local), Type::DGRAM, Some(Protocol::UDP))?;
        if local.is_ipv6() {
            socket.set_only_v6(self.only_v6 && LOCAL[self.local] == "::")?;
        }
        socket.set_reuse_address(self.reuse_address)?;
        socket.set_reuse_port(self.reuse_port)?;
        if let Some(cpu) = self.cpu {
            socket.set_cpu_affinity(cpu as usize)?;
        }
        if self.on_loopback {
            socket.bind_device(Some(b"lo"))?;
        }
        socket.bind(&SockAddr::from(local))?;
        if let Some(peer) = self.peer {
            let mut peer: SocketAddr = PEERS[peer].parse().unwrap();
            if let (SocketAddr::V4(v4), true) = (peer, local.is_ipv6()) {
                peer = SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port());
            }
            socket.connect(&SockAddr::from(peer))?;
        }
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

/// Sends a datagram from `from`; the place of the socket that has it then, or `None` if ICMP says
/// that nobody does.
fn who_got_it(sockets: &[Socket], from: SocketAddr, to: SocketAddr) -> Option<usize> {
    let sender = Socket::new(Domain::for_address(from), Type::DGRAM, None).unwrap();
    sender.bind(&SockAddr::from(from)).unwrap();
    sender.connect(&SockAddr::from(to)).unwrap();
    sender.send(b"whose?").unwrap();
    let mut all: Vec<_> = sockets
        .iter()
        .chain([&sender])
        .map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN))
        .collect();
    let patience = PollTimeout::try_from(PATIENCE).unwrap();
    assert_eq!(poll(&mut all, patience).unwrap(), 1, "one event");
    let at = all.iter().position(|fd| fd.any() == Some(true)).unwrap();
    drop(all);
    match sockets.get(at) {
        Some(socket) => {
            let mut buffer = [std::mem::MaybeUninit::uninit(); 16];
            assert_eq!(received(|| socket.recv(&mut buffer)).unwrap(), 6);
            Some(at)
        }
        None => {
            let error = sender.take_error().unwrap().unwrap();
            assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED));
            None
        }
    }
}

/// A socket in a line, for a failure.
fn short(socket: &udpraw::ports::Socket) -> String {
    let fd = socket.owners[0].fd;
    let (remote, device) = (socket.remote, socket.device);
    let sharing = socket.sharing;
    format!(
        "fd {fd} {} {remote:?} {device:?} {sharing:?}\n",
        socket.local
    )
}

#[derive(Default, Debug)]
struct Seen {
    nobody: usize,
    one: usize,
    last: usize,
    hash: usize,
    unknown: usize,
}

fn try_set(plans: &[Plan], cpu: u32, seen: &mut Seen) {
    let sockets: Vec<Socket> = plans.iter().filter_map(|plan| plan.open().ok()).collect();
    let told = read(&[PORT]).unwrap().sockets;
    assert_eq!(told.len(), sockets.len(), "{plans:?}");
    let place = |at: usize| {
        let owner = &told[at].owners[0];
        assert_eq!(owner.process.pid, std::process::id());
        sockets
            .iter()
            .position(|socket| socket.as_raw_fd().cast_unsigned() == owner.fd)
            .expect("our own descriptor")
    };
    // An unconnected peer of the same family, too: a stranger.
    let strangers = ["127.0.0.3:9004", "[::1]:9005"];
    for to in TARGETS {
        let to = SocketAddr::new(to.parse().unwrap(), PORT);
        for from in PEERS.iter().chain(&strangers) {
            let from: SocketAddr = from.parse().unwrap();
            if from.is_ipv4() != to.is_ipv4() {
                continue;
            }
            let datagram = Arriving {
                from: Some(from),
                to: to.ip(),
                device: Some(1),
                cpu: Some(cpu),
            };
            let predicted = receiver(&told, &datagram);
            let got = who_got_it(&sockets, from, to);
            let is_right = match &predicted {
                Receiver::Nobody => {
                    seen.nobody += 1;
                    got.is_none()
                }
                Receiver::One { socket, of, .. } => {
                    seen.one += 1;
                    seen.last += usize::from(*of > 1);
                    got == Some(place(*socket))
                }
                // Of one host's address nobody gets a copy.
                Receiver::Each { .. } => false,
                Receiver::ByHash { group, .. } => {
                    seen.hash += 1;
                    group.iter().any(|at| got == Some(place(*at)))
                }
                Receiver::Unknown { among, .. } => {
                    seen.unknown += 1;
                    among.iter().any(|at| got == Some(place(*at)))
                }
                _ => false,
            };
            assert!(
                is_right,
                "{from} to {to} on CPU {cpu}: predicted {predicted:?}, but {:?} got it of\n{}\n{plans:?}",
                got.map(|at| sockets[at].as_raw_fd()),
                told.iter().map(short).collect::<String>()
            );
        }
    }
}

/// Stays on one CPU, and returns its number.
fn pin() -> usize {
    let this_thread = Pid::from_raw(0);
    let allowed = sched_getaffinity(this_thread).unwrap();
    let is_allowed = |cpu: &usize| allowed.is_set(*cpu).unwrap();
    let cpu = (0..CpuSet::count()).find(is_allowed).unwrap();
    let mut only = CpuSet::new();
    only.set(cpu).unwrap();
    sched_setaffinity(this_thread, &only).unwrap();
    cpu
}

#[test]
fn predictions_hold_for_many_sets_of_sockets() {
    let _alone = alone();
    if !fresh_namespace() {
        return;
    }
    let cpu = pin();
    let mut runner = TestRunner::new(cases(1_000));
    let seen = std::cell::RefCell::new(Seen::default());
    runner
        .run(&sets(), |plans| {
            try_set(&plans, cpu as u32, &mut seen.borrow_mut());
            Ok(())
        })
        .unwrap();
    let seen = seen.into_inner();
    let all_kinds = [seen.nobody, seen.one, seen.last, seen.hash];
    assert!(all_kinds.iter().all(|kind| *kind > 100), "{seen:?}");
    // The way out is no way out.
    assert!(seen.unknown * 5 < seen.one + seen.hash, "{seen:?}");
}

/// The hash spreads flows over the whole group that was named.
#[test]
fn a_group_is_all_of_it() {
    let _alone = alone();
    if !fresh_namespace() {
        return;
    }
    let plan = Plan {
        local: 0,
        only_v6: false,
        reuse_address: false,
        reuse_port: true,
        on_loopback: false,
        cpu: None,
        peer: None,
    };
    let sockets: Vec<_> = (0..3).map(|_| plan.open().unwrap()).collect();
    let told = read(&[PORT]).unwrap().sockets;
    let to = SocketAddr::new(LOCAL[0].parse().unwrap(), PORT);
    let datagram = Arriving {
        from: None,
        to: to.ip(),
        device: None,
        cpu: None,
    };
    let Receiver::ByHash { group, .. } = receiver(&told, &datagram) else {
        panic!("{told:?}");
    };
    assert_eq!(group, [0, 1, 2]);
    let mut got = [0; 3];
    for port in 9100..9300 {
        let from = SocketAddr::from(([127, 0, 0, 1], port));
        got[who_got_it(&sockets, from, to).unwrap()] += 1;
    }
    assert!(got.iter().all(|count| *count > 0), "{got:?}");
}
