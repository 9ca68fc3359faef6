//! Text of an untrusted file.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// A piece of a services file: bytes that need not be UTF-8, and may be hostile.
///
/// It compares as bytes, as the C library does. Its `Display` is safe on a terminal: control
/// characters, invisible ones and bytes that are not UTF-8 are escaped. Width and alignment of a format
/// string apply to the escaped text.
///
/// ```
/// use udpraw::services::Text;
/// assert_eq!(Text::new(b"ssh").to_string(), "ssh");
/// assert_eq!(Text::new(b"s\x1b[31m\xff").to_string(), r"s\u{1b}[31m\xff");
/// assert_eq!(format!("{:<5}|", Text::new(b"ssh")), "ssh  |");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// Makes a text of bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes as in the file.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The text, if it is UTF-8. Nothing is escaped: for comparing, not for printing.
    pub fn to_str(self) -> Option<&'a str> {
        str::from_utf8(self.0).ok()
    }

    /// The text with U+FFFD for bytes that are not UTF-8. Nothing is escaped: for formats that escape
    /// themselves, such as JSON.
    pub fn to_string_lossy(self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.0)
    }

    /// Whether it can be shown unescaped: printable ASCII without a backslash.
    fn is_plain(self) -> bool {
        self.0
            .iter()
            .all(|&b| matches!(b, b' '..=b'~') && b != b'\\')
    }

    fn escaped(self) -> String {
        let mut escaped = String::with_capacity(self.0.len() + 16);
        for chunk in self.0.utf8_chunks() {
            for letter in chunk.valid().chars() {
                match letter {
                    // Harmless, and frequent in comments.
                    '\'' | '"' => escaped.push(letter),
                    _ => escaped.extend(letter.escape_debug()),
                }
            }
            for byte in chunk.invalid() {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\x{byte:02x}");
            }
        }
        escaped
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_str() {
            Some(text) if self.is_plain() => f.pad(text),
            _ => f.pad(&self.escaped()),
        }
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{self}'")
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_nothing_that_a_terminal_obeys() {
        for (bytes, want) in [
            (&b"it's \"fine\""[..], "it's \"fine\""),
            (b"a\tb\0\x7f", r"a\tb\0\u{7f}"),
            (b"a\\b", r"a\\b"),
            ("caf\u{e9}".as_bytes(), "caf\u{e9}"),
            // C1 controls, and the override that reverses the text direction.
            ("\u{9b}1m".as_bytes(), r"\u{9b}1m"),
            ("\u{202e}x".as_bytes(), r"\u{202e}x"),
            (b"\xc3", r"\xc3"),
        ] {
            assert_eq!(Text::new(bytes).to_string(), want);
        }
    }
}
