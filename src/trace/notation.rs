//! strace's notation: strings, flags, and what has no name.

use std::fmt::Write as _;

/// Names of numbers or of bits.
pub(super) type Names = &'static [(i64, &'static str)];

/// `"hello\n\0\377"`, and `...` if there is more than is shown.
pub(super) fn quoted(text: &mut String, bytes: &[u8], is_cut: bool) {
    text.push('"');
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            b'\r' => text.push_str("\\r"),
            0x0b => text.push_str("\\v"),
            0x0c => text.push_str("\\f"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                let next = bytes.get(at + 1);
                // Three digits where a shorter number would swallow the next digit.
                let _ = match next.is_some_and(u8::is_ascii_digit) {
                    true => write!(text, "\\{byte:03o}"),
                    false => write!(text, "\\{byte:o}"),
                };
            }
        }
    }
    text.push('"');
    if is_cut {
        text.push_str("...");
    }
}

/// `MSG_PEEK|MSG_TRUNC`, with what has no name in hexadecimal; `0` for none.
pub(super) fn flags(text: &mut String, value: i64, names: Names) {
    if value == 0 {
        text.push('0');
        return;
    }
    let (mut rest, mut is_first) = (value, true);
    for (bit, name) in names {
        if *bit != 0 && rest & bit == *bit {
            if !std::mem::take(&mut is_first) {
                text.push('|');
            }
            text.push_str(name);
            rest &= !bit;
        }
    }
    if rest != 0 {
        let bar = if is_first { "" } else { "|" };
        let _ = write!(text, "{bar}{rest:#x}");
    }
}

/// The name of a number; else the number, and what it would have been one of.
pub(super) fn named(text: &mut String, value: i64, names: Names, unknown: &str) {
    match names.iter().find(|(number, _)| *number == value) {
        Some((_, name)) => text.push_str(name),
        None if unknown.is_empty() => {
            let _ = write!(text, "{value}");
        }
        None => {
            let _ = write!(text, "{value:#x} /* {unknown} */");
        }
    }
}

/// An address in the program's memory.
pub(super) fn pointer(text: &mut String, address: u64) {
    match address {
        0 => text.push_str("NULL"),
        _ => drop(write!(text, "{address:#x}")),
    }
}

macro_rules! names {
    ($($constant:ident)*) => { &[$((libc::$constant as i64, stringify!($constant))),*] };
}
pub(super) use names;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_as_strace_writes_them() {
        let mut text = String::new();
        quoted(&mut text, b"hello\n\0\x01\xff\"q\\1\x001", true);
        assert_eq!(text, r#""hello\n\0\1\377\"q\\1\0001"..."#);
    }

    #[test]
    fn flags_as_strace_writes_them() {
        for (value, want) in [(0, "0"), (3, "A|B"), (12, "0xc"), (9, "A|0x8")] {
            let mut text = String::new();
            flags(&mut text, value, &[(1, "A"), (2, "B")]);
            assert_eq!(text, want);
        }
    }
}
