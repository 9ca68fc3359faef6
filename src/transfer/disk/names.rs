//! Names from a stranger, made safe. Two different names never become one.
//!
//! | in a name | becomes | why |
//! | --- | --- | --- |
//! | a control character | `%1B`, its number | a terminal obeys it, a script takes a line break for an end |
//! | a character that changes the direction of text, is invisible, or separates lines | `%u202E`, `%U000E0001` | a name looks like another one |
//! | `-` at the beginning | `%2D` | a program takes the name for an option |
//! | `.`, `..`, no name | `%2E`, `%2E%2E`, `%0` | they are not names |
//! | `.udpraw-` at the beginning | `%2Eudpraw-` | the names of unfinished files |
//! | a `%` that could be read as one of these | `%25` | so that all can be told apart |
//!
//! Everything else is kept, and so are bytes that are not UTF-8.

use std::fmt::Write;

/// The beginning of our own names.
pub(super) const OURS: &str = ".udpraw-";

/// Makes a path safe: components are separated by `/`, and none of them leads anywhere else.
pub(super) fn safe_path(path: &[u8]) -> Vec<u8> {
    let mut safe = Vec::with_capacity(path.len());
    for (index, name) in path.split(|byte| *byte == b'/').enumerate() {
        if index > 0 {
            safe.push(b'/');
        }
        safe_name(name, &mut safe);
    }
    safe
}

/// Appends a name, made safe.
pub(super) fn safe_name(name: &[u8], safe: &mut Vec<u8>) {
    let mut rest = match name {
        b"" => return safe.extend_from_slice(b"%0"),
        b"%0" => return safe.extend_from_slice(b"%250"),
        b"." => return safe.extend_from_slice(b"%2E"),
        b".." => return safe.extend_from_slice(b"%2E%2E"),
        [b'-', rest @ ..] => {
            safe.extend_from_slice(b"%2D");
            rest
        }
        [b'.', rest @ ..] if name.starts_with(OURS.as_bytes()) => {
            safe.extend_from_slice(b"%2E");
            rest
        }
        _ => name,
    };
    while let Some(chunk) = rest.utf8_chunks().next() {
        let length = chunk.valid().len() + chunk.invalid().len();
        for (at, char) in chunk.valid().char_indices() {
            let after = rest.get(at + 1..).unwrap_or_default();
            match char {
                '%' if is_escape(after) => safe.extend_from_slice(b"%25"),
                _ => push(char, safe),
            }
        }
        safe.extend_from_slice(chunk.invalid());
        rest = rest.get(length..).unwrap_or_default();
    }
}

fn push(char: char, safe: &mut Vec<u8>) {
    let mut text = String::new();
    let number = u32::from(char);
    // Writing to a string cannot fail.
    let _ = match number {
        0..0x20 | 0x7f => write!(text, "%{number:02X}"),
        _ if !is_deceptive(char) => write!(text, "{char}"),
        ..=0xffff => write!(text, "%u{number:04X}"),
        _ => write!(text, "%U{number:08X}"),
    };
    safe.extend_from_slice(text.as_bytes());
}

/// Whether the text after a `%` makes it look like one that this module writes.
fn is_escape(after: &[u8]) -> bool {
    let is_hex = |bytes: &[u8], count: usize| {
        let digits = bytes.get(..count).unwrap_or_default();
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
        digits.len() == count && digits.iter().all(is_digit)
    };
    match after {
        [b'u', rest @ ..] => is_hex(rest, 4),
        [b'U', rest @ ..] => is_hex(rest, 8),
        [b'0' | b'1', ..] => is_hex(after, 2),
        [b'2', b'5' | b'D' | b'E', ..] | [b'7', b'F', ..] => true,
        _ => false,
    }
}

/// Characters that change the direction of text, cannot be seen, or separate lines (Unicode's bidi
/// controls, most format characters, C1 controls). Joiners (U+200C, U+200D) belong to the words of
/// several languages.
fn is_deceptive(char: char) -> bool {
    matches!(char,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'
        | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Makes the target of a symbolic link in the folder `parent` (a safe path) safe; `None` if it leads
/// out of the target folder, or might.
///
/// `..` is accepted at the beginning alone, where it leaves folders that exist: after a name, which may
/// be another link, it could lead anywhere.
pub(super) fn safe_target(parent: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    if target.is_empty() || target.starts_with(b"/") {
        return None;
    }
    let mut depth = match parent {
        b"" => 0,
        _ => 1 + parent.iter().filter(|byte| **byte == b'/').count(),
    };
    let mut safe = Vec::with_capacity(target.len());
    let mut is_named = false;
    for (index, name) in target.split(|byte| *byte == b'/').enumerate() {
        if index > 0 {
            safe.push(b'/');
        }
        match name {
            b"" | b"." => safe.extend_from_slice(name),
            b".." if is_named => return None,
            b".." => {
                depth = usize::checked_sub(depth, 1)?;
                safe.extend_from_slice(name);
            }
            _ => {
                is_named = true;
                safe_name(name, &mut safe);
            }
        }
    }
    Some(safe)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_made_safe() {
        for (name, want) in [
            (&b"a.txt"[..], &b"a.txt"[..]),
            (b".env", b".env"),
            (b"env", b"env"),
            (b"-rf", b"%2Drf"),
            (b"a-b", b"a-b"),
            (b".", b"%2E"),
            (b"..", b"%2E%2E"),
            (b"...", b"..."),
            (b"", b"%0"),
            (b"/etc/passwd", b"%0/etc/passwd"),
            (b"../x", b"%2E%2E/x"),
            (b"a\nb\x1b[2J\x7f", b"a%0Ab%1B[2J%7F"),
            ("cod\u{202e}gpj.exe".as_bytes(), b"cod%u202Egpj.exe"),
            ("\u{e0041}".as_bytes(), b"%U000E0041"),
            (b"caf\xe9", b"caf\xe9"),
            (b"My%20File 100%", b"My%20File 100%"),
            (b"%2D", b"%252D"),
            (b".udpraw-x.part", b"%2Eudpraw-x.part"),
            (
                "\u{1f469}\u{200d}\u{1f467}".as_bytes(),
                "\u{1f469}\u{200d}\u{1f467}".as_bytes(),
            ),
        ] {
            assert_eq!(safe_path(name), want, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn targets_stay_inside() {
        for (parent, target, is_safe) in [
            (&b""[..], &b"a"[..], true),
            (b"", b"..", false),
            (b"a", b"../b", true),
            (b"a", b"../../b", false),
            (b"a/b", b"../../c", true),
            (b"a/b", b"./.././/../../c", false),
            (b"a", b"b/../../c", false),
            (b"a", b"/etc/passwd", false),
            (b"a", b"", false),
        ] {
            let safe = safe_target(parent, target).is_some();
            assert_eq!(
                safe,
                is_safe,
                "{} in {}",
                target.escape_ascii(),
                parent.escape_ascii()
            );
        }
        assert_eq!(
            safe_target(b"", b"-x/.udpraw-y"),
            Some(b"%2Dx/%2Eudpraw-y".to_vec())
        );
    }

    proptest! {
        /// Short names of the bytes that matter: no two of them become one, and each is a name.
        #[test]
        fn no_two_names_become_one(names in prop::collection::vec(
            prop::collection::vec(prop::sample::select(
                b"%%%0125DEuUF.-a\x01\x7f\xe2\x80\xae\xc2\xad\xff/".to_vec()), 0..8), 1..200)) {
            let mut seen: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
            for name in names {
                let safe = safe_path(&name);
                for part in safe.split(|byte| *byte == b'/') {
                    prop_assert!(!matches!(part, b"" | b"." | b".."));
                    prop_assert!(!part.starts_with(b"-") && !part.starts_with(OURS.as_bytes()));
                    prop_assert!(!part.iter().any(|byte| *byte < 0x20 || *byte == 0x7f));
                }
                if let Some(other) = seen.insert(safe, name.clone()) {
                    prop_assert_eq!(other, name);
                }
            }
        }
    }
}
