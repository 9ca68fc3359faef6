//! The line of Python that makes a call.

use std::net::SocketAddr;

use super::call::{Call, Events};

impl Call {
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
        let data = || self.data();
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
                if self.nonblocking_from_now()? {
                    "s.setblocking(False)".into()
                } else {
                    "s.setblocking(True)".into()
                }
            }
            "dup" => "s.dup()".into(),
            "write" => format!("os.write(s.fileno(), {})", data()),
            "read" => format!("os.read(s.fileno(), {})", argument(2)),
            _ => return None,
        })
    }

    /// What it sent, as a literal of Python's.
    fn data(&self) -> String {
        let facts = &self.facts;
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
    }
}
