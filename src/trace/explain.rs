//! Derives the statements about a call from its values.

use std::time::Duration;

use super::call::{Call, Facts, Kind, Returned};
use super::statement::{Emptiness, Statement, Waited};

impl Call {
    /// Describes what the call did, as one statement or two.
    ///
    /// ```
    /// use udpraw::trace::{Call, Statement};
    /// assert_eq!(Call::default().statements(), [Statement::NeverReturned]);
    /// ```
    pub fn statements(&self) -> Vec<Statement> {
        let mut found = vec![match self.returned {
            Returned::Never => Statement::NeverReturned,
            Returned::Error(errno) => self.failure(errno),
            Returned::Value(value) => self.success(value),
        }];
        let is_sent = matches!(
            found[..],
            [Statement::Sent { .. }
                | Statement::SentRun { .. }
                | Statement::SentMany { .. }
                | Statement::SentNothing
                | Statement::Connected { .. }]
        );
        if let Some(local) = self.facts.local
            && self.facts.is_port_picked
            && is_sent
        {
            found.push(Statement::PortPicked { port: local.port() });
        }
        found
    }

    fn failure(&self, errno: i32) -> Statement {
        let facts = &self.facts;
        match errno {
            libc::EAGAIN if self.is_receiving() => Statement::NothingToReceive(self.emptiness()),
            libc::ECONNREFUSED => Statement::NobodyListens {
                peer: facts.connected.or(facts.address),
            },
            libc::EINTR | 512..=516 => Statement::Interrupted,
            libc::EADDRINUSE => Statement::AddressInUse {
                address: facts.address,
            },
            libc::EDESTADDRREQ => Statement::NoDestination,
            libc::EMSGSIZE => Statement::TooLong,
            libc::EINPROGRESS => Statement::Connecting,
            _ => Statement::Refused { errno },
        }
    }

    fn success(&self, value: i64) -> Statement {
        let facts = &self.facts;
        let (kind, address) = (facts.kind, facts.address);
        let may_be_udp = kind.is_none_or(|kind| kind.is_udp());
        match self.name {
            "socket" => match kind.filter(Kind::is_udp) {
                Some(kind) => Statement::MadeUdpSocket {
                    fd: value,
                    is_ipv6: kind.domain == libc::AF_INET6,
                },
                None => Statement::MadeSocket { fd: value, kind },
            },
            "socketpair" => Statement::MadePair,
            "bind" => bound(facts),
            "connect" if !may_be_udp => Statement::ConnectedOther { kind },
            "connect" => match address {
                Some(peer) => Statement::Connected { peer },
                None => Statement::Disconnected,
            },
            "listen" => Statement::Listening,
            "accept" | "accept4" => Statement::Accepted { fd: value },
            "getsockname" => match address {
                Some(own) if own.ip().is_unspecified() && own.port() != 0 => {
                    Statement::OwnPort { address: own }
                }
                _ => Statement::OwnAddress { address },
            },
            "getpeername" => Statement::PeerAddress { address },
            "setsockopt" | "getsockopt" => self.option(),
            _ if self.is_sending() && may_be_udp => sent(facts),
            _ if self.is_receiving() && may_be_udp => self.received(),
            _ if self.is_sending() => Statement::Wrote { bytes: value, kind },
            _ if self.is_receiving() => Statement::Read { bytes: value, kind },
            "poll" | "ppoll" | "select" | "pselect6" | "epoll_wait" | "epoll_pwait"
            | "epoll_pwait2" => self.waited(value),
            "epoll_create" | "epoll_create1" => Statement::MadeEpoll { fd: value },
            "sendfile" | "splice" => Statement::Spliced { bytes: value },
            "io_uring_enter" => Statement::UringSubmitted { requests: value },
            "io_uring_setup" => Statement::MadeUring,
            "epoll_ctl" => Statement::WatchChanged,
            "dup" | "dup2" | "dup3" => Statement::Duplicated { fd: value },
            "fcntl" => match facts.number as i32 {
                libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => Statement::Duplicated { fd: value },
                libc::F_SETFL => self.mode().unwrap_or(Statement::AskedForMode),
                libc::F_SETFD => Statement::InheritanceSet,
                _ => Statement::AskedForMode,
            },
            "ioctl" => self.mode().unwrap_or(Statement::OldRequest),
            "shutdown" => Statement::ShutDown,
            "close" => {
                let port = facts.local.map(|local| local.port());
                Statement::Closed {
                    port: port.filter(|port| *port != 0),
                }
            }
            "close_range" => Statement::ClosedRange,
            name => Statement::Other { name },
        }
    }

    fn is_sending(&self) -> bool {
        matches!(
            self.name,
            "sendto" | "sendmsg" | "sendmmsg" | "write" | "writev" | "pwritev" | "pwritev2"
        )
    }

    fn is_receiving(&self) -> bool {
        matches!(
            self.name,
            "recvfrom" | "recvmsg" | "recvmmsg" | "read" | "readv" | "preadv" | "preadv2"
        )
    }

    fn option(&self) -> Statement {
        let (option, value) = match &self.facts.option {
            Some((option, value)) => (Some(*option), value.clone()),
            None => (None, None),
        };
        match (self.name, option) {
            ("getsockopt", Some(option)) if option.name == "SO_MEMINFO" => Statement::AskedForDrops,
            ("getsockopt", _) => Statement::OptionRead { option, value },
            _ => Statement::OptionSet { option, value },
        }
    }

    fn received(&self) -> Statement {
        let facts = &self.facts;
        let peer = facts.address.or(facts.connected);
        if let Some((errno, _, _, by)) = facts.icmp {
            return Statement::ErrorReported {
                errno,
                peer,
                reporter: by.map(|by| by.ip()),
            };
        }
        match &facts.moved[..] {
            [one] => match one.segment.filter(|segment| *segment < one.bytes) {
                Some(segment) => Statement::ReceivedRun {
                    datagrams: one.bytes.div_ceil(segment),
                    segment,
                    peer,
                },
                None => Statement::Received {
                    wait: match (self.may_sleep(), self.has_taken_long()) {
                        (Some(false), _) => Waited::Never,
                        (Some(true), true) => Waited::Long,
                        _ => Waited::Perhaps,
                    },
                    bytes: one.bytes,
                    peer,
                },
            },
            [] => Statement::ReceivedNothing,
            many => Statement::ReceivedMany {
                messages: many.len(),
                peer,
            },
        }
    }

    /// Whether a receive could sleep: false on a non-blocking socket or with a non-blocking flag,
    /// `None` if unknown.
    fn may_sleep(&self) -> Option<bool> {
        let never = libc::MSG_DONTWAIT | libc::MSG_ERRQUEUE;
        match self.facts.flags & never {
            0 => self.facts.is_nonblocking.map(|mode| !mode),
            _ => Some(false),
        }
    }

    /// Whether it took longer than the delay that tracing itself adds.
    fn has_taken_long(&self) -> bool {
        const LONG: Duration = Duration::from_millis(5);
        self.took >= LONG
    }

    /// The reason why a receive failed with EAGAIN.
    fn emptiness(&self) -> Emptiness {
        if self.facts.flags & libc::MSG_ERRQUEUE != 0 {
            return Emptiness::ErrorQueue;
        }
        match (self.may_sleep(), self.has_taken_long()) {
            (Some(true), true) => Emptiness::TimeOver,
            (Some(false), _) => Emptiness::NoWait,
            _ => Emptiness::Unknown,
        }
    }

    fn mode(&self) -> Option<Statement> {
        let is_nonblocking = self.nonblocking_from_now()?;
        Some(Statement::ModeSet { is_nonblocking })
    }

    /// poll(2), select(2) or epoll_wait(2) returned `value` descriptors.
    fn waited(&self, value: i64) -> Statement {
        let wait = self.facts.wait.unwrap_or_default();
        let is_look = wait.limit.is_some_and(|limit| limit.is_zero());
        let (limit, ready, took) = (wait.limit, wait.ready, self.took);
        match value {
            0 if is_look => Statement::NothingReady,
            0 => Statement::TimedOut { limit },
            _ if is_look => Statement::Looked { ready },
            _ if self.has_taken_long() => Statement::Slept { took, ready },
            _ => Statement::WasReady { ready },
        }
    }
}

fn bound(facts: &Facts) -> Statement {
    let local = facts.local.filter(|local| local.port() != 0);
    match (facts.address, local) {
        (Some(asked), Some(local)) if asked.port() == 0 => {
            Statement::BoundToPickedPort { port: local.port() }
        }
        (Some(asked), _) if asked.port() == 0 => Statement::BoundToAnyPort,
        (address, _) => Statement::Bound { address },
    }
}

fn sent(facts: &Facts) -> Statement {
    let peer = facts.address.or(facts.connected);
    match &facts.moved[..] {
        [one] => match one.segment.filter(|segment| *segment < one.bytes) {
            Some(segment) => Statement::SentRun {
                bytes: one.bytes,
                datagrams: one.bytes.div_ceil(segment),
                segment,
                peer,
            },
            None => Statement::Sent {
                bytes: one.bytes,
                peer,
            },
        },
        [] => Statement::SentNothing,
        many => Statement::SentMany {
            messages: many.len(),
            peer,
        },
    }
}
