//! Foreign text made safe to show.

use std::fmt::{self, Display, Formatter, Write as _};

/// Bytes between quotes, as Python's `repr` writes them, cut after [`Quoted::MOST`] bytes: only
/// printable ASCII, so that it cannot control a terminal.
pub(super) struct Quoted<'a>(pub(super) &'a [u8]);

impl Quoted<'_> {
    /// The maximum number of bytes of a name or banner that are shown.
    const MOST: usize = 120;
}

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let shown = self.0.get(..Self::MOST).unwrap_or(self.0);
        if !shown.is_ascii() {
            f.write_char('b')?;
        }
        f.write_char('\'')?;
        for &byte in shown {
            match byte {
                b'"' => f.write_char('"')?,
                _ => write!(f, "{}", byte.escape_ascii())?,
            }
        }
        f.write_char('\'')?;
        match self.0.len() - shown.len() {
            0 => Ok(()),
            more => write!(f, " and {more} bytes more"),
        }
    }
}

/// The first line, without its line end.
pub(super) fn first_line(bytes: &[u8]) -> &[u8] {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or(bytes);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The value of an HTTP-like header; the case of its name does not matter.
pub(super) fn header<'a>(bytes: &'a [u8], name: &str) -> Option<&'a [u8]> {
    bytes.split(|&byte| byte == b'\n').skip(1).find_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        let (field, value) = (&line[..colon], &line[colon + 1..]);
        field
            .trim_ascii()
            .eq_ignore_ascii_case(name.as_bytes())
            .then(|| value.trim_ascii())
    })
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes() {
        for (bytes, want) in [
            (&b"it"[..], "'it'"),
            (b"it's \"it\"\n\x1b", r#"'it\'s "it"\n\x1b'"#),
            (b"caf\xc3\xa9", r"b'caf\xc3\xa9'"),
        ] {
            assert_eq!(Quoted(bytes).to_string(), want);
        }
        assert!(
            Quoted(&[b'x'; 130])
                .to_string()
                .ends_with("' and 10 bytes more")
        );
    }

    #[test]
    fn headers() {
        let reply = b"HTTP/1.1 200 OK\r\nServer : a b \r\nST:x\r\n\r\n";
        assert_eq!(first_line(reply), b"HTTP/1.1 200 OK");
        assert_eq!(header(reply, "SERVER"), Some(&b"a b"[..]));
        assert_eq!(header(reply, "USN"), None);
    }
}
