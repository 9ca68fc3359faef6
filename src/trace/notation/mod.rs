//! strace's notation: strings, flags, and numbers without a name.

mod address;
mod argument;
mod call;

use std::fmt::Write as _;

pub(super) use argument::{argument, socket_type};

use super::argument::Interface;

/// Names of numbers or of bits.
pub(super) type Names = &'static [(i64, &'static str)];

/// `"hello\n\0\377"`, and `...` if not all of it is shown.
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
                // Three digits if a shorter number would absorb the next octal digit.
                let _ = if next.is_some_and(|next| (b'0'..=b'7').contains(next)) {
                    write!(text, "\\{byte:03o}")
                } else {
                    write!(text, "\\{byte:o}")
                };
            }
        }
    }
    text.push('"');
    if is_cut {
        text.push_str("...");
    }
}

/// `"\x68\x65"`: bytes of a structure that ends in the middle of a field.
pub(super) fn quoted_hex(text: &mut String, bytes: &[u8]) {
    text.push('"');
    for byte in bytes {
        let _ = write!(text, "\\x{byte:02x}");
    }
    text.push('"');
}

/// A number in hexadecimal as printf's `%#x` writes it: 0 has no prefix.
pub(super) fn hex(text: &mut String, value: u64) {
    let _ = match value {
        0 => text.write_str("0"),
        _ => write!(text, "{value:#x}"),
    };
}

/// As printf's `%#08x`: the width counts the prefix, which 0 does not have.
pub(super) fn hex_padded(text: &mut String, value: u64, width: usize) {
    let _ = match value {
        0 => write!(text, "{value:0width$x}"),
        _ => write!(text, "{value:#0width$x}"),
    };
}

/// `MSG_PEEK|MSG_TRUNC`, with bits without a name in hexadecimal; `0` for none. `unknown` is the
/// comment if no bit has a name.
pub(super) fn flags(text: &mut String, value: u32, names: Names, unknown: &str) {
    if value == 0 {
        text.push('0');
        return;
    }
    let (mut rest, mut is_first) = (i64::from(value), true);
    for (bit, name) in names {
        if *bit != 0 && rest & bit == *bit {
            if !std::mem::take(&mut is_first) {
                text.push('|');
            }
            text.push_str(name);
            rest &= !bit;
        }
    }
    if rest != 0 && is_first && !unknown.is_empty() {
        let _ = write!(text, "{rest:#x} /* {unknown} */");
    } else if rest != 0 {
        let bar = if is_first { "" } else { "|" };
        let _ = write!(text, "{bar}{rest:#x}");
    }
}

/// The name of a number; without a name, the number and the comment `unknown`.
pub(super) fn named(text: &mut String, value: u32, names: Names, unknown: &str) {
    match names.iter().find(|(number, _)| *number == i64::from(value)) {
        Some((_, name)) => text.push_str(name),
        None => {
            hex(text, value.into());
            if !unknown.is_empty() {
                let _ = write!(text, " /* {unknown} */");
            }
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

/// An interface as strace writes it: by name if it has one.
pub(super) fn interface(text: &mut String, interface: &Interface) {
    match &interface.name {
        Some(name) => {
            text.push_str("if_nametoindex(");
            quoted(text, name.as_bytes(), false);
            text.push(')');
        }
        None => drop(write!(text, "{}", interface.index)),
    }
}

/// Status flags of open(2), after the access mode.
#[rustfmt::skip]
pub(super) const STATUS: Names = &[
    (libc::O_CREAT as i64, "O_CREAT"), (libc::O_EXCL as i64, "O_EXCL"),
    (libc::O_NOCTTY as i64, "O_NOCTTY"), (libc::O_TRUNC as i64, "O_TRUNC"),
    (libc::O_APPEND as i64, "O_APPEND"), (libc::O_NONBLOCK as i64, "O_NONBLOCK"),
    (libc::O_SYNC as i64, "O_SYNC"), (libc::O_DSYNC as i64, "O_DSYNC"),
    (libc::O_DIRECT as i64, "O_DIRECT"), (LARGE, "O_LARGEFILE"),
    (libc::O_NOFOLLOW as i64, "O_NOFOLLOW"), (libc::O_NOATIME as i64, "O_NOATIME"),
    (libc::O_CLOEXEC as i64, "O_CLOEXEC"), (libc::O_PATH as i64, "O_PATH"),
    (libc::O_TMPFILE as i64, "O_TMPFILE"), (libc::O_DIRECTORY as i64, "O_DIRECTORY"),
    (libc::O_ASYNC as i64, "FASYNC"),
];

/// `O_LARGEFILE` of the kernel: libc's is 0 on 64-bit machines.
const LARGE: i64 = if cfg!(target_arch = "aarch64") {
    0o400_000
} else {
    0o100_000
};

/// `O_RDWR|O_NONBLOCK`.
pub(super) fn status_flags(text: &mut String, value: i64) {
    text.push_str(match value & 3 {
        0 => "O_RDONLY",
        1 => "O_WRONLY",
        2 => "O_RDWR",
        _ => "O_ACCMODE",
    });
    let rest = value & !3;
    if rest != 0 {
        text.push('|');
        flags(text, rest as u32, STATUS, "");
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
    fn numbers_as_strace_writes_them() {
        for (value, want) in [(0, "0"), (3, "A|B"), (12, "0xc /* N_??? */"), (9, "A|0x8")] {
            let mut text = String::new();
            flags(&mut text, value, &[(1, "A"), (2, "B")], "N_???");
            assert_eq!(text, want);
        }
        for (value, want) in [
            (1, "A"),
            (0, "0 /* N_??? */"),
            (u32::MAX, "0xffffffff /* N_??? */"),
        ] {
            let mut text = String::new();
            named(&mut text, value, &[(1, "A")], "N_???");
            assert_eq!(text, want);
        }
        for (value, want) in [(0, "00000000"), (1, "0x000001")] {
            let mut text = String::new();
            hex_padded(&mut text, value, 8);
            assert_eq!(text, want);
        }
        let mut text = String::new();
        quoted_hex(&mut text, b"o\0");
        assert_eq!(text, r#""\x6f\x00""#);
    }
}
