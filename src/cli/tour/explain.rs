//! A system call in strace's notation, and one plain sentence on it.

/// A system call that returned.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    /// `sendto(3, "…", 38, 0, {…}, 16) = 38`
    pub(super) text: String,
    /// When it returned, in seconds.
    pub(super) returned: f64,
}

impl Call {
    /// Reads `[pid N] 1763769600.123456 name(…) = result <0.000012>`; anything else is no call.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let line = match line.strip_prefix("[pid") {
            Some(rest) => rest.split_once(']')?.1.trim_start(),
            None => line,
        };
        let (began, rest) = line.split_once(' ')?;
        let began: f64 = began.parse().ok()?;
        let (text, took) = rest.trim_end().strip_suffix('>')?.rsplit_once(" <")?;
        let took: f64 = took.parse().ok()?;
        let name = text.split_once('(')?.0;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        (!name.is_empty() && name.chars().all(is_name)).then(|| Self {
            text: text.to_owned(),
            returned: began + took,
        })
    }

    fn name(&self) -> &str {
        self.text.split('(').next().unwrap_or_default()
    }

    /// What it returned: a number, or `-1 EADDRINUSE (Address already in use)`.
    fn result(&self) -> &str {
        self.text
            .rsplit_once(") = ")
            .map_or("?", |(_, result)| result.trim())
    }

    /// The last address in it, as `127.0.0.1 port 1060`.
    fn address(&self) -> String {
        let after = |key: &str| {
            let (_, rest) = self.text.rsplit_once(key)?;
            rest.split([')', '"', ',']).next()
        };
        let host = after("inet_addr(\"").or_else(|| after("inet_pton(AF_INET6, \""));
        match (host, after("htons(")) {
            (Some(host), Some(port)) => format!("{host} port {port}"),
            _ => "an address".into(),
        }
    }
}

/// What just happened, in one sentence made from the call's own values.
pub(super) fn explain(call: &Call) -> String {
    let (result, address) = (call.result(), call.address());
    if let Some(error) = result.strip_prefix("-1 ") {
        return format!("The kernel refused: {error}.");
    }
    match call.name() {
        "socket" => format!(
            "The kernel makes a socket for UDP (SOCK_DGRAM) over IP, and calls it {result}: that \
             number is all the program ever holds of it."
        ),
        "setsockopt" if call.text.contains("RECVERR") => {
            "The program asks to hear of ICMP errors, so that a closed port is told and not \
             guessed from silence."
                .into()
        }
        "setsockopt" => "The program sets a property of the socket before it is used.".into(),
        "getsockopt" if call.text.contains("SO_MEMINFO") => {
            "At the end: how many datagrams did the kernel drop before the program saw them?".into()
        }
        "getsockopt" => "The program reads a property of the socket.".into(),
        "bind" if address.ends_with(" port 0") => {
            "The socket gets an address to be reached at; port 0 lets the kernel pick a free one."
                .into()
        }
        "bind" => format!("The socket gets an address to be reached at: {address}."),
        "getsockname" if address.starts_with("0.0.0.0 ") => format!(
            "Which address was that? The kernel picked the port when the first datagram left; the \
             address stays open until a route is chosen: {address}."
        ),
        "getsockname" => format!("Which address was that? It is {address}."),
        "connect" => format!("From now on the socket talks to {address} alone. Nothing is sent."),
        "sendto" | "send" | "sendmsg" => format!(
            "{result} bytes leave as one datagram for {address}. That they arrive, UDP does not \
             promise."
        ),
        "recvfrom" | "recv" | "recvmsg" if call.text.contains("MSG_DONTWAIT") => {
            format!("The program takes the datagram that is there: {result} bytes, from {address}.")
        }
        "recvfrom" | "recv" | "recvmsg" => format!(
            "The program slept in this call until a datagram came: {result} bytes, from {address}."
        ),
        "ppoll" | "poll" if result.starts_with('0') => {
            "Nothing came in that time, so the program will ask again.".into()
        }
        "ppoll" | "poll" => {
            "The program slept until something came, but would not have slept for ever.".into()
        }
        other => format!("A call of {other}(2)."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_calls_and_nothing_else() {
        let line = "1763769600.500000 recvfrom(3, \"a <b> = c\", 65535, 0, \
                    {sa_family=AF_INET, sin_port=htons(57892), sin_addr=inet_addr(\"127.0.0.1\")}, \
                    [128 => 16]) = 9 <0.250000>";
        let call = Call::parse(line).unwrap();
        assert_eq!(
            (call.name(), call.result(), call.returned),
            ("recvfrom", "9", 1763769600.75)
        );
        assert_eq!(
            explain(&call),
            "The program slept in this call until a datagram came: 9 bytes, from 127.0.0.1 port 57892."
        );
        assert!(Call::parse(&format!("[pid 12345] {line}")).is_some());
        for other in [
            "",
            "1 datagrams (38 bytes)",
            "1763769600.5 +++ exited with 0 +++",
            "x y(z) <1>",
        ] {
            assert_eq!(Call::parse(other), None, "{other}");
        }
    }

    #[test]
    fn tells_of_a_refusal() {
        let line = "1.0 bind(3, {}, 16) = -1 EADDRINUSE (Address already in use) <0.000010>";
        let call = Call::parse(line).unwrap();
        assert_eq!(
            explain(&call),
            "The kernel refused: EADDRINUSE (Address already in use)."
        );
    }
}
