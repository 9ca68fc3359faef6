//! One plain sentence on what a call did, from its own values, and the line of Python that makes it.

use std::net::SocketAddr;
use std::time::Duration;

use super::call::{Call, Events, Moved, Returned};
use crate::error::describe_errno;
use crate::socket::options::Value;

/// An address in words: `127.0.0.1 port 1060`.
fn place(address: SocketAddr) -> String {
    format!("{} port {}", address.ip(), address.port())
}

/// `0.25 s`, `12 ms`, `80 us`.
fn in_words(time: Duration) -> String {
    match time.as_micros() {
        micros @ ..1000 => format!("{micros} us"),
        micros @ ..1_000_000 => format!("{} ms", micros / 1000),
        _ => format!("{} s", (time.as_secs_f64() * 100.0).round() / 100.0),
    }
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

    /// Whether a receive could sleep: not on a socket that does not block, nor if the call says so;
    /// `None` where nobody knows.
    fn may_sleep(&self) -> Option<bool> {
        let never = libc::MSG_DONTWAIT | libc::MSG_ERRQUEUE;
        match self.facts.flags & never {
            0 => self.facts.is_nonblocking.map(|mode| !mode),
            _ => Some(false),
        }
    }

    /// Whether it took longer than the tracer itself makes a call take.
    fn has_taken_long(&self) -> bool {
        const LONG: Duration = Duration::from_millis(5);
        self.took >= LONG
    }

    /// EAGAIN of a receive.
    fn nothing_came(&self) -> String {
        if self.facts.flags & libc::MSG_ERRQUEUE != 0 {
            return "The error queue is empty; looking there never waits.".into();
        }
        match (self.may_sleep(), self.has_taken_long()) {
            (Some(true), true) => {
                "Nothing came in the time that SO_RCVTIMEO lets a receive wait.".into()
            }
            (Some(false), _) => {
                "Nothing has come yet, and the program did not want to wait.".into()
            }
            _ => "Nothing has come yet.".into(),
        }
    }

    /// The mode that F_SETFL or FIONBIO sets.
    fn mode(&self) -> String {
        match self.nonblocking_from_now() {
            Some(true) => {
                "From now on calls on this socket return at once instead of waiting.".into()
            }
            _ => "From now on calls on this socket wait until there is something for them.".into(),
        }
    }

    /// poll(2) and its like have returned so many descriptors.
    fn waited(&self, value: i64) -> String {
        let wait = self.facts.wait.unwrap_or_default();
        let is_look = wait.limit.is_some_and(|limit| limit.is_zero());
        let limit = wait.limit.map(in_words).unwrap_or_default();
        let events = [
            (Events::INPUT, "there is something to receive"),
            (Events::OUTPUT, "there is room to send"),
            (Events::OTHER, "an error or an end is reported"),
        ];
        let ready: Vec<_> = events
            .iter()
            .filter(|(event, _)| wait.ready.has(*event))
            .collect();
        let ready: Vec<_> = ready.iter().map(|(_, text)| *text).collect();
        let ready = match ready.is_empty() {
            true => "something is ready".to_owned(),
            false => ready.join(", and "),
        };
        match value {
            0 if is_look => "Nothing is ready, and the program did not want to wait.".into(),
            0 => format!("Nothing happened within {limit}."),
            _ if is_look => format!("The program looks without waiting: {ready}."),
            _ if self.has_taken_long() => {
                format!(
                    "The program slept for {}, until {ready}.",
                    in_words(self.took)
                )
            }
            _ => format!("The program need not wait, or not for long: {ready}."),
        }
    }

    /// The line of Python 3 that makes this call; `None` for calls that Python makes by itself.
    pub fn python(&self) -> Option<String> {
        let facts = &self.facts;
        let tuple = |address: SocketAddr| match address {
            SocketAddr::V4(_) => format!("(\"{}\", {})", address.ip(), address.port()),
            SocketAddr::V6(v6) => format!(
                "(\"{}\", {}, {}, {})",
                v6.ip(),
                v6.port(),
                v6.flowinfo(),
                v6.scope_id()
            ),
        };
        let arguments: Vec<&str> = self.each_argument().collect();
        let argument = |at: usize| arguments.get(at).copied().unwrap_or_default();
        let flags = match argument(3) {
            "0" | "" => String::new(),
            flags if flags.starts_with("MSG_") => {
                let names: Vec<_> = flags
                    .split('|')
                    .map(|name| format!("socket.{name}"))
                    .collect();
                format!(", {}", names.join(" | "))
            }
            flags => format!(", {flags}"),
        };
        let data = || {
            let start = facts
                .moved
                .first()
                .map(|moved| &moved.start[..])
                .unwrap_or_default();
            let whole = facts
                .moved
                .first()
                .is_some_and(|moved| moved.bytes <= start.len());
            let shown: String = start
                .iter()
                .take(48)
                .map(|byte| match byte {
                    b'"' => "\\\"".to_owned(),
                    b'\\' => "\\\\".to_owned(),
                    b' '..=b'~' => char::from(*byte).to_string(),
                    _ => format!("\\x{byte:02x}"),
                })
                .collect();
            let dots = if whole && start.len() <= 48 {
                ""
            } else {
                "…"
            };
            format!("b\"{shown}{dots}\"")
        };
        Some(match self.name {
            "socket" => {
                let style = argument(1).split('|').next().unwrap_or_default();
                format!("s = socket.socket(socket.{}, socket.{style})", argument(0))
            }
            "bind" => format!("s.bind({})", tuple(facts.address?)),
            "connect" => format!("s.connect({})", tuple(facts.address?)),
            "getsockname" => "s.getsockname()".into(),
            "getpeername" => "s.getpeername()".into(),
            "setsockopt" | "getsockopt" => {
                let (option, value) = facts.option.as_ref()?;
                let level = match argument(1) {
                    "SOL_IP" => "IPPROTO_IP",
                    "SOL_IPV6" => "IPPROTO_IPV6",
                    "SOL_UDP" => "IPPROTO_UDP",
                    level => level,
                };
                let value = match (self.name, value) {
                    ("getsockopt", _) => String::new(),
                    (_, Some(_)) => match argument(3).strip_prefix('[') {
                        Some(number) => {
                            let end = number.find([' ', ']', ',']).unwrap_or(number.len());
                            format!(", {}", &number[..end])
                        }
                        None => ", …".into(),
                    },
                    _ => ", …".into(),
                };
                format!(
                    "s.{}(socket.{level}, socket.{}{value})",
                    self.name, option.name
                )
            }
            "sendto" => match facts.address {
                Some(peer) if flags.is_empty() => format!("s.sendto({}, {})", data(), tuple(peer)),
                Some(peer) => format!("s.sendto({}{flags}, {})", data(), tuple(peer)),
                None => format!("s.send({}{flags})", data()),
            },
            "recvfrom" if argument(4) == "NULL" => format!("s.recv({}{flags})", argument(2)),
            "recvfrom" => format!("s.recvfrom({}{flags})", argument(2)),
            "sendmsg" => "s.sendmsg([data], ancillary, flags, address)".into(),
            "recvmsg" => "s.recvmsg(65535, 1024)".into(),
            "close" => "s.close()".into(),
            "shutdown" => format!("s.shutdown(socket.{})", argument(1)),
            "poll" | "ppoll" => "select.poll().poll(milliseconds)".into(),
            "select" | "pselect6" => {
                let asked = facts.wait.unwrap_or_default().asked;
                let sets = [Events::INPUT, Events::OUTPUT, Events::OTHER];
                let sets = sets.map(|event| if asked.has(event) { "[s]" } else { "[]" });
                format!("select.select({}, seconds)", sets.join(", "))
            }
            "ioctl" | "fcntl"
                if self.name == "ioctl" || facts.number == i64::from(libc::F_SETFL) =>
            {
                match self.nonblocking_from_now()? {
                    true => "s.setblocking(False)".into(),
                    false => "s.setblocking(True)".into(),
                }
            }
            "dup" => "s.dup()".into(),
            "write" => format!("os.write(s.fileno(), {})", data()),
            "read" => format!("os.read(s.fileno(), {})", argument(2)),
            _ => return None,
        })
    }
}
