//! Bytes that are written as hexadecimal digits.

use udpraw::error::{Error, Result};

/// The bytes that hexadecimal digits stand for; blanks between bytes are skipped.
pub(in crate::cli) fn unhex(text: &[u8]) -> Result<Vec<u8>> {
    let bad = |reason: String| {
        Error::invalid("read", "hexadecimal text", reason).with_remedy("write pairs of 0-9 and a-f")
    };
    let digits = text
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|&byte| {
            let digit = char::from(byte).to_digit(16).map(|digit| digit as u8);
            digit.ok_or_else(|| {
                bad(format!(
                    "'{}' is not a hexadecimal digit",
                    byte.escape_ascii()
                ))
            })
        })
        .collect::<Result<Vec<u8>>>()?;
    if digits.len() % 2 != 0 {
        return Err(bad(format!(
            "{} digits are not a whole number of bytes",
            digits.len()
        )));
    }
    Ok(digits
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_hexadecimal() {
        assert_eq!(unhex(b"c3 A9\t00").unwrap(), [0xc3, 0xa9, 0]);
        assert_eq!(unhex(b"").unwrap(), b"");
        unhex(b"c").unwrap_err();
        assert!(unhex(b"0\x1b").unwrap_err().to_string().contains("\\x1b"));
    }
}
