//! Values as Python 3 prints them, as the textbook's transcript has them.

use std::fmt::{self, Display, Formatter, Write as _};
use std::net::{Ipv6Addr, SocketAddr};

/// A socket address as Python's tuple: `('127.0.0.1', 1060)`, `('::1', 1060, 0, 0)`.
pub(crate) struct Tuple(pub(crate) SocketAddr);

impl Display for Tuple {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            SocketAddr::V4(address) => write!(f, "('{}', {})", address.ip(), address.port()),
            SocketAddr::V6(address) => {
                f.write_str("('")?;
                inet_ntop(*address.ip(), f)?;
                let (flow, scope) = (address.flowinfo(), address.scope_id());
                write!(f, "', {}, {flow}, {scope})", address.port())
            }
        }
    }
}

/// An IPv6 address as inet_ntop(3) writes it: as Rust does, but for `::192.0.2.1`.
fn inet_ntop(address: Ipv6Addr, f: &mut Formatter<'_>) -> fmt::Result {
    match (address.segments(), address.octets()) {
        ([0, 0, 0, 0, 0, 0, high, _], [.., a, b, c, d]) if high != 0 => {
            write!(f, "::{a}.{b}.{c}.{d}")
        }
        _ => address.fmt(f),
    }
}

/// Bytes as the `repr` of Python's `str` if they are ASCII, otherwise of its `bytes`.
///
/// Whatever the bytes are, the result is printable ASCII: nothing in it moves a terminal.
pub(crate) struct Repr<'a>(pub(crate) &'a [u8]);

impl Display for Repr<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.0.is_ascii() {
            f.write_char('b')?;
        }
        // Single quotes, unless that would need an escape and double ones would not.
        let quote = if self.0.contains(&b'\'') && !self.0.contains(&b'"') {
            '"'
        } else {
            '\''
        };
        f.write_char(quote)?;
        for &byte in self.0 {
            match byte {
                b'\\' => f.write_str("\\\\")?,
                b'\n' => f.write_str("\\n")?,
                b'\r' => f.write_str("\\r")?,
                b'\t' => f.write_str("\\t")?,
                b' '..=b'~' if char::from(byte) == quote => write!(f, "\\{quote}")?,
                b' '..=b'~' => f.write_char(char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        f.write_char(quote)
    }
}

/// A duration as Python prints its seconds: `0.2`, `1.6`, `2.0`.
pub(crate) struct Seconds(pub(crate) std::time::Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // Debug of a float is the shortest text that reads back the same, with a point in it.
        write!(f, "{:?}", self.0.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (address, want) in [
            ("127.0.0.1:1060", "('127.0.0.1', 1060)"),
            ("[::1]:1060", "('::1', 1060, 0, 0)"),
            ("[fe80::1%3]:7", "('fe80::1', 7, 0, 3)"),
            ("[::ffff:192.0.2.1]:7", "('::ffff:192.0.2.1', 7, 0, 0)"),
            ("[::192.0.2.1]:7", "('::192.0.2.1', 7, 0, 0)"),
            ("[::2]:7", "('::2', 7, 0, 0)"),
        ] {
            assert_eq!(Tuple(address.parse().unwrap()).to_string(), want);
        }
    }

    #[test]
    fn bytes() {
        for (bytes, want) in [
            (&b""[..], r"''"),
            (b"it", r"'it'"),
            (b"it's", r#""it's""#),
            (b"'\"", r#"'\'"'"#),
            (b"a\\b\n\r\t\0\x7f\x1b", r"'a\\b\n\r\t\x00\x7f\x1b'"),
            (b"caf\xc3\xa9", r"b'caf\xc3\xa9'"),
        ] {
            assert_eq!(Repr(bytes).to_string(), want);
        }
    }

    /// Has Python evaluate an expression of `x` for each line of input.
    fn python(expression: &str, lines: &[String]) -> Option<Vec<String>> {
        use std::io::Write as _;
        use std::process::{Command, Stdio};
        let script = format!("import sys, socket\nfor x in sys.stdin: print({expression})");
        let spawned = Command::new("python3")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = spawned else {
            assert!(
                std::env::var_os("CI").is_none_or(|ci| ci != "true"),
                "no python3 in CI"
            );
            let _ = writeln!(std::io::stderr(), "SKIPPED: python3 is not installed");
            return None;
        };
        // The answers are shorter than a pipe's worth only together with the questions: feed apart.
        let mut input = child.stdin.take().unwrap();
        let text = lines.join("\n");
        let feeder = std::thread::spawn(move || input.write_all(text.as_bytes()));
        let output = child.wait_with_output().unwrap();
        feeder.join().unwrap().unwrap();
        Some(
            String::from_utf8(output.stdout)
                .unwrap()
                .lines()
                .map(str::to_owned)
                .collect(),
        )
    }

    #[test]
    fn every_pair_of_bytes_and_random_runs_as_python_writes_them() {
        let mut dice = fastrand::Rng::with_seed(1);
        let pairs = (0..=u16::MAX).map(|pair| pair.to_be_bytes().to_vec());
        let singles = (0..=u8::MAX).map(|byte| vec![byte]);
        let runs = (0..2000).map(|_| {
            let most = if dice.bool() { 0x80 } else { 0x100 };
            (0..dice.usize(..40))
                .map(|_| dice.u16(..most) as u8)
                .collect()
        });
        let all: Vec<Vec<u8>> = pairs
            .chain(singles)
            .chain(runs.collect::<Vec<_>>())
            .collect();
        let hex = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let lines: Vec<String> = all.iter().map(hex).collect();
        let expression =
            "(lambda b: repr(b.decode()) if b.isascii() else repr(b))(bytes.fromhex(x))";
        let Some(theirs) = python(expression, &lines) else {
            return;
        };
        assert_eq!(theirs.len(), all.len());
        for (bytes, want) in all.iter().zip(theirs) {
            assert_eq!(Repr(bytes).to_string(), want);
        }
    }

    #[test]
    fn ipv6_addresses_as_python_writes_them() {
        let mut dice = fastrand::Rng::with_seed(2);
        let addresses: Vec<Ipv6Addr> = (0..3000)
            .map(|_| {
                // Mostly zeroes, so that there are runs of them to shorten.
                let mut groups = [0; 8];
                for group in &mut groups {
                    *group = [0, 0, 0, 1, 0xffff, dice.u16(..)][dice.usize(..6)];
                }
                groups.into()
            })
            .collect();
        let lines: Vec<String> = addresses.iter().map(Ipv6Addr::to_string).collect();
        let expression = "(socket.inet_ntop(10, socket.inet_pton(10, x.strip())), 7, 0, 0)";
        let Some(theirs) = python(expression, &lines) else {
            return;
        };
        for (address, want) in addresses.iter().zip(theirs) {
            assert_eq!(Tuple((*address, 7).into()).to_string(), want);
        }
    }
}
