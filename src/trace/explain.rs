//! One plain sentence on what a call did, from its own values.

use std::net::SocketAddr;

use super::call::{Call, Moved, Returned};
use crate::error::describe_errno;
use crate::socket::options::Value;

/// An address in words: `127.0.0.1 port 1060`.
fn place(address: SocketAddr) -> String {
    format!("{} port {}", address.ip(), address.port())
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

impl Call {
    /// What just happened, in one sentence or two.
    ///
    /// ```
    /// # use udpraw::trace::Call;
    /// assert_eq!(Call::default().explain(), "The program ended, or was let go, inside this call.");
    /// ```
    pub fn explain(&self) -> String {
        match self.returned {
            Returned::Never => "The program ended, or was let go, inside this call.".into(),
            Returned::Error(errno) => self.failure(errno),
            Returned::Value(value) => self.success(value),
        }
    }

    fn failure(&self, errno: i32) -> String {
        let is_wait = matches!(
            self.name,
            "recvfrom" | "recvmsg" | "recvmmsg" | "read" | "readv" | "preadv" | "preadv2"
        );
        match errno {
            libc::EAGAIN if is_wait => self.nothing_came(),
            libc::ECONNREFUSED => match self.facts.connected.or(self.facts.address) {
                Some(peer) => format!(
                    "An ICMP message came back for an earlier datagram: nobody listens at {}.",
                    place(peer)
                ),
                None => "An ICMP message came back for an earlier datagram: nobody listens there."
                    .into(),
            },
            libc::EINTR | 512..=516 => "A signal came while the program slept in this call.".into(),
            libc::EADDRINUSE => match self.facts.address {
                Some(address) => format!("Another socket has {} already.", place(address)),
                None => "Another socket has that address already.".into(),
            },
            libc::EDESTADDRREQ => {
                "The call names no destination, and the socket is connected to none.".into()
            }
            libc::EMSGSIZE => "The datagram is larger than UDP or the path can carry whole.".into(),
            libc::EINPROGRESS => "The connection is being made meanwhile.".into(),
            _ => format!("The kernel refused: {}.", describe_errno(errno)),
        }
    }

    fn success(&self, value: i64) -> String {
        let facts = &self.facts;
        let local = facts.local.filter(|local| local.port() != 0);
        let word = facts.kind.map_or("socket", |kind| kind.word());
        let address = facts.address.map_or_else(|| "an address".into(), place);
        match self.name {
            "socket" if facts.kind.is_some_and(|kind| kind.is_udp()) => {
                let ip = match facts.kind {
                    Some(kind) if kind.domain == libc::AF_INET6 => "IPv6",
                    _ => "IP",
                };
                format!(
                    "The kernel makes a socket for UDP (SOCK_DGRAM) over {ip}, and calls it {value}: \
                     that number is all the program ever holds of it."
                )
            }
            "socket" => format!("The kernel makes a socket of another kind ({word}): {value}."),
            "socketpair" => "The kernel makes two sockets that talk to each other alone.".into(),
            "bind" => match (facts.address, local) {
                (Some(asked), Some(local)) if asked.port() == 0 => format!(
                    "The kernel picked port {} for this socket, since port 0 asks for any free one.",
                    local.port()
                ),
                (Some(asked), _) if asked.port() == 0 => {
                    "The socket gets an address to be reached at; port 0 lets the kernel pick a free one.".into()
                }
                (Some(_), _) => format!("The socket gets an address to be reached at: {address}."),
                _ => "The socket gets an address to be reached at.".into(),
            },
            "connect" if facts.kind.is_none_or(|kind| kind.is_udp()) => match facts.address {
                Some(_) => {
                    let picked = self.picked();
                    format!("From now on the socket talks to {address} alone. Nothing is sent.{picked}")
                }
                None => "From now on the socket talks to anyone again.".into(),
            },
            "connect" => format!("The {word} socket is connected."),
            "listen" => "The socket takes connections from now on.".into(),
            "accept" | "accept4" => format!("A connection was made; its own socket is {value}."),
            "getsockname" => match facts.address {
                Some(own) if own.ip().is_unspecified() && own.port() != 0 => format!(
                    "Which address was that? Port {}; the address stays open until a route is \
                     chosen: {address}.",
                    own.port()
                ),
                _ => format!("Which address was that? It is {address}."),
            },
            "getpeername" => format!("Whom does the socket talk to? It is {address}."),
            "setsockopt" | "getsockopt" => self.option(),
            _ if self.is_sending() && facts.kind.is_none_or(|kind| kind.is_udp()) => self.sent(),
            _ if self.is_receiving() && facts.kind.is_none_or(|kind| kind.is_udp()) => self.received(),
            _ if self.is_sending() => format!("{value} bytes go to the {word} socket."),
            _ if self.is_receiving() => format!("{value} bytes come from the {word} socket."),
            "poll" | "ppoll" | "select" | "pselect6" | "epoll_wait" | "epoll_pwait"
            | "epoll_pwait2" => self.waited(value),
            "epoll_create" | "epoll_create1" => {
                format!("The kernel makes {value}, which can wait for many sockets at once.")
            }
            "sendfile" | "splice" => format!(
                "{value} bytes go from one descriptor to the other inside the kernel, past the program."
            ),
            "io_uring_enter" => format!(
                "The kernel takes {value} requests from io_uring's queue; what they do is not seen here."
            ),
            "epoll_ctl" => "The program says which events of a socket it wants to be told.".into(),
            "dup" | "dup2" | "dup3" => format!("{value} is the same socket from now on."),
            "fcntl" => match facts.number as i32 {
                libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => format!("{value} is the same socket from now on."),
                libc::F_SETFL => self.mode(),
                libc::F_SETFD => "The program says whether the descriptor outlives an exec.".into(),
                _ => "The program asks how the descriptor behaves.".into(),
            },
            "ioctl" if self.nonblocking_from_now().is_some() => self.mode(),
            "ioctl" => "The program asks or sets a property of the socket the old way.".into(),
            "shutdown" => "One or both directions of the socket are closed; the descriptor stays.".into(),
            "close" => match local {
                Some(local) => format!("The program lets go of the socket; unless another holds it, port {} is free again.", local.port()),
                None => "The program lets go of the socket.".into(),
            },
            "close_range" => "The program closes a range of descriptors, sockets among them.".into(),
            "io_uring_setup" => {
                "The program sets up io_uring: what it does through that are no system calls, and \
                 are not seen here."
                    .into()
            }
            other => format!("A call of {other}(2)."),
        }
    }

    fn picked(&self) -> String {
        match self.facts.local {
            Some(local) if self.facts.is_port_picked => format!(
                " The kernel picked port {} for this socket, since none was bound.",
                local.port()
            ),
            _ => String::new(),
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

    fn option(&self) -> String {
        let asks = self.name == "getsockopt";
        match &self.facts.option {
            Some((option, _)) if asks && option.name == "SO_MEMINFO" => {
                "How many datagrams did the kernel drop before the program saw them?".into()
            }
            Some((option, value)) => {
                let (name, clause) = (option.name, option.clause());
                // What a switch does, it does only when it is on.
                let when = match value {
                    Some(Value::Flag(false)) if !clause.starts_with("it says ") => "when on, ",
                    _ => "",
                };
                match value {
                    Some(value) if asks => format!("{name} is {value}; {when}{clause}."),
                    Some(value) => format!("The program sets {name} to {value}; {when}{clause}."),
                    None if asks => format!("The program reads {name}; {clause}."),
                    None => format!("The program sets {name}; {clause}."),
                }
            }
            None if asks => "The program reads a property of the socket.".into(),
            None => "The program sets a property of the socket before it is used.".into(),
        }
    }

    fn sent(&self) -> String {
        let facts = &self.facts;
        let picked = self.picked();
        let to = match facts.address.or(facts.connected) {
            Some(peer) => place(peer),
            None => "its peer".into(),
        };
        match &facts.moved[..] {
            [one] => match one.segment.filter(|segment| *segment < one.bytes) {
                Some(segment) => format!(
                    "{} bytes leave as {} of {segment} bytes for {to}, cut by the kernel (UDP_SEGMENT).{picked}",
                    one.bytes,
                    count(one.bytes.div_ceil(segment), "datagram", "datagrams")
                ),
                None => format!(
                    "{} as one datagram for {to}. That they arrive, UDP does not promise.{picked}",
                    match one.bytes {
                        1 => "1 byte leaves".into(),
                        bytes => format!("{bytes} bytes leave"),
                    }
                ),
            },
            [] => format!("Nothing was sent.{picked}"),
            many => format!(
                "{} datagrams leave by one call, the first for {to}.{picked}",
                many.len()
            ),
        }
    }

    fn received(&self) -> String {
        let facts = &self.facts;
        let from = match facts.address.or(facts.connected) {
            Some(peer) => format!(", from {}", place(peer)),
            None => String::new(),
        };
        if let Some((errno, _, _, by)) = facts.icmp {
            let by = by.map(|by| format!(" by {}", by.ip())).unwrap_or_default();
            return format!(
                "The error queue tells what became of an earlier datagram{}: {}, reported{by}.",
                from.replace(", from", " to"),
                describe_errno(errno)
            );
        }
        let how = match (self.may_sleep(), self.has_taken_long()) {
            (Some(false), _) => "The program takes the datagram that is there",
            (Some(true), true) => "The program slept in this call until a datagram came",
            _ => "A datagram was there, or came at once",
        };
        match &facts.moved[..] {
            [one] => {
                let Moved { bytes, segment, .. } = *one;
                match segment.filter(|segment| *segment < bytes) {
                    Some(segment) => format!(
                        "A run of {} of {segment} bytes came as one (UDP_GRO){from}.",
                        count(bytes.div_ceil(segment), "datagram", "datagrams")
                    ),
                    None => format!("{how}: {}{from}.", count(bytes, "byte", "bytes")),
                }
            }
            [] => "Nothing was received.".into(),
            many => format!(
                "{} datagrams came by one call, the first{from}.",
                many.len()
            ),
        }
    }
}
