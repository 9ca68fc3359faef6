//! The line of Python that makes the same call, from the call's values.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::argument::{Argument, Flags};
use super::call::{Call, Events};
use super::notation;
use crate::socket::options::SocketOption;

impl Call {
    /// Returns the line of Python 3 that makes this call; `None` for calls that Python makes by itself.
    pub fn python(&self) -> Option<String> {
        let facts = &self.facts;
        let data = || self.data();
        let flags = |at: usize| match self.arguments.get(at) {
            Some(Argument::Flags(flags)) => message_flags(flags),
            _ => String::new(),
        };
        let number = |at: usize| self.arguments.get(at)?.number();
        Some(match self.name {
            "socket" => {
                let kind = match self.arguments.get(1)? {
                    Argument::SocketType(kind) => constant(notation::socket_type(*kind), *kind),
                    _ => return None,
                };
                format!("s = socket.socket({}, {kind})", self.constant(0)?)
            }
            "bind" => format!("s.bind({})", tuple(facts.address?)),
            "connect" => format!("s.connect({})", tuple(facts.address?)),
            "getsockname" => "s.getsockname()".into(),
            "getpeername" => "s.getpeername()".into(),
            "getsockopt" => {
                let (option, _) = facts.option.as_ref()?;
                format!("s.getsockopt({})", self.option_names(option)?)
            }
            "setsockopt" => {
                let (option, value) = facts.option.as_ref()?;
                let number = value.as_ref().and_then(|_| self.option_number());
                let number = number.map_or_else(|| "…".to_owned(), |number| number.to_string());
                format!("s.setsockopt({}, {number})", self.option_names(option)?)
            }
            "sendto" => match facts.address {
                Some(peer) => format!("s.sendto({}{}, {})", data(), flags(3), tuple(peer)),
                None => format!("s.send({}{})", data(), flags(3)),
            },
            "recvfrom" => match self.arguments.get(4)? {
                Argument::Pointer(0) => format!("s.recv({}{})", number(2)?, flags(3)),
                _ => format!("s.recvfrom({}{})", number(2)?, flags(3)),
            },
            "sendmsg" => "s.sendmsg([data], ancillary, flags, address)".into(),
            "recvmsg" => "s.recvmsg(65535, 1024)".into(),
            "close" => "s.close()".into(),
            "shutdown" => format!("s.shutdown({})", self.constant(1)?),
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
                if self.nonblocking_from_now()? {
                    "s.setblocking(False)".into()
                } else {
                    "s.setblocking(True)".into()
                }
            }
            "dup" => "s.dup()".into(),
            "write" => format!("os.write(s.fileno(), {})", data()),
            "read" => format!("os.read(s.fileno(), {})", number(2)?),
            _ => return None,
        })
    }

    /// An argument that has a name in Python's module `socket`.
    fn constant(&self, at: usize) -> Option<String> {
        match self.arguments.get(at)? {
            Argument::Named(named) => Some(constant(named.name(), named.value)),
            _ => None,
        }
    }

    /// The level and the name of an option.
    fn option_names(&self, option: &SocketOption) -> Option<String> {
        // Python uses the kernel's names of these levels, not libc's.
        let level = match self.arguments.get(1)?.number()? as i32 {
            libc::SOL_IP => "socket.IPPROTO_IP".to_owned(),
            libc::SOL_IPV6 => "socket.IPPROTO_IPV6".to_owned(),
            libc::SOL_UDP => "socket.IPPROTO_UDP".to_owned(),
            _ => self.constant(1)?,
        };
        Some(format!("{level}, socket.{}", option.name))
    }

    /// The value that an option is set to, if it is a single number.
    fn option_number(&self) -> Option<i64> {
        match self.arguments.get(3)? {
            Argument::List(list) => list.items.first()?.number(),
            value @ Argument::OptionNumber { .. } => value.number(),
            _ => None,
        }
    }

    /// The payload as a Python literal.
    fn data(&self) -> String {
        const MOST: usize = 48;
        let moved = self.facts.moved.first();
        let start = moved.map(|moved| &moved.start[..]).unwrap_or_default();
        let is_whole = moved.is_some_and(|moved| moved.bytes <= start.len());
        let mut text = "b\"".to_owned();
        for byte in start.iter().take(MOST) {
            match byte {
                b'"' => text.push_str("\\\""),
                b'\\' => text.push_str("\\\\"),
                b' '..=b'~' => text.push(char::from(*byte)),
                _ => drop(write!(text, "\\x{byte:02x}")),
            }
        }
        if !is_whole || start.len() > MOST {
            text.push('…');
        }
        text.push('"');
        text
    }
}

/// A number by its name in Python's module `socket`, if it has one.
fn constant(name: Option<&str>, number: u32) -> String {
    match name {
        Some(name) => format!("socket.{name}"),
        None => number.to_string(),
    }
}

/// `("127.0.0.1", 1060)`.
fn tuple(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(_) => format!("(\"{}\", {})", address.ip(), address.port()),
        SocketAddr::V6(v6) => format!(
            "(\"{}\", {}, {}, {})",
            v6.ip(),
            v6.port(),
            v6.flowinfo(),
            v6.scope_id()
        ),
    }
}

/// `, socket.MSG_PEEK | socket.MSG_TRUNC`; empty for none.
fn message_flags(flags: &Flags) -> String {
    let mut parts: Vec<String> = flags.names().map(|name| format!("socket.{name}")).collect();
    let rest = flags.unnamed();
    if rest != 0 {
        parts.push(format!("{rest:#x}"));
    }
    if parts.is_empty() {
        String::new()
    } else {
        format!(", {}", parts.join(" | "))
    }
}
