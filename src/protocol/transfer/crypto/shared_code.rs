//! The code that a receiver shows and a sender takes: 128 bits, as text that forgives.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use super::derive::{expand, extract};

/// Crockford's base32: no I, L, O or U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 26 symbols for 128 bits and two zeros, and two for the check.
const SYMBOLS: usize = 28;
const DATA: usize = 26;
const GROUP: usize = 4;

/// A secret of 128 random bits that two people share, and its text.
///
/// The text is 28 symbols of Crockford's base32 in groups of four. It is read in any case, with or
/// without spaces and dashes, with O for 0 and I or L for 1. The last two symbols are the check of a
/// Reed-Solomon code over GF(32): every change of one or two symbols and every exchange of two is
/// detected, and all but one in a thousand of longer ones, before anything is sent.
///
/// The bytes are erased when it is dropped, and `Debug` does not show them.
///
/// ```
/// use udpraw::protocol::transfer::crypto::SharedCode;
///
/// let code = SharedCode::new([7; 16]);
/// let text = code.reveal();
/// assert_eq!(text, "0W3G-E1R7-0W3G-E1R7-0W3G-E1R7-0W1E");
/// let typed = text.to_lowercase().replace('-', " ").replace('0', "o");
/// assert_eq!(typed.parse::<SharedCode>().unwrap().reveal(), text);
/// assert!(text.replace("1E", "1F").parse::<SharedCode>().is_err());
/// ```
#[derive(Clone)]
pub struct SharedCode(Zeroizing<[u8; 16]>);

impl SharedCode {
    /// The code of 16 bytes, which must be random and secret.
    pub fn new(random: [u8; 16]) -> Self {
        Self(Zeroizing::new(random))
    }

    /// The text, to be shown to whoever may send.
    pub fn reveal(&self) -> String {
        let symbols = self.symbols();
        let mut text = String::with_capacity(SYMBOLS + SYMBOLS / GROUP);
        for group in symbols.chunks(GROUP) {
            if !text.is_empty() {
                text.push('-');
            }
            text.extend(
                group
                    .iter()
                    .map(|symbol| char::from(ALPHABET[usize::from(*symbol)])),
            );
        }
        text
    }

    /// The key of the handshake.
    pub fn pre_shared_key(&self) -> PreSharedKey {
        let key = extract(b"udpraw transfer", &self.0[..]);
        PreSharedKey(expand(&key, &[b"pre-shared key"]))
    }

    fn symbols(&self) -> Zeroizing<[u8; SYMBOLS]> {
        let mut symbols = Zeroizing::new([0; SYMBOLS]);
        let bits = u128::from_be_bytes(*self.0);
        for (at, symbol) in symbols[..DATA].iter_mut().enumerate() {
            // Symbol 25 has the last three bits, and two zeros.
            *symbol = match 123_usize.checked_sub(5 * at) {
                Some(shift) => (bits >> shift) as u8 & 31,
                None => (bits << 2) as u8 & 31,
            };
        }
        for last in 0..32 {
            symbols[DATA + 1] = last;
            symbols[DATA] = 0;
            // What is left over in the first sum, symbol 26 makes up for.
            symbols[DATA] = times(syndromes(&symbols).0, power(31 - DATA));
            if syndromes(&symbols) == (0, 0) {
                break;
            }
        }
        symbols
    }
}

impl fmt::Debug for SharedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedCode")
    }
}

impl FromStr for SharedCode {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        let mut symbols = Zeroizing::new([0; SYMBOLS]);
        let mut count = 0;
        for (at, typed) in text.chars().enumerate() {
            // Chat programs make longer dashes of the one that was typed.
            if typed.is_whitespace() || matches!(typed, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
            {
                continue;
            }
            let upper = match typed.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let symbol = ALPHABET
                .iter()
                .position(|symbol| char::from(*symbol) == upper);
            let symbol = symbol.ok_or(CodeError::Symbol {
                symbol: typed,
                position: at + 1,
            })?;
            if let Some(room) = symbols.get_mut(count) {
                *room = symbol as u8;
            }
            count += 1;
        }
        if count != SYMBOLS {
            return Err(CodeError::Length(count));
        }
        if syndromes(&symbols) != (0, 0) {
            return Err(CodeError::Check {
                group: suspect(&symbols),
            });
        }
        // Two bits that no code has set: the check is right, the rest is not ours.
        if symbols[DATA - 1] & 3 != 0 {
            return Err(CodeError::Check { group: None });
        }
        let whole = &symbols[..DATA - 1];
        let bits = whole
            .iter()
            .fold(0_u128, |bits, symbol| bits << 5 | u128::from(*symbol));
        let bits = bits << 3 | u128::from(symbols[DATA - 1] >> 2);
        Ok(Self::new(bits.to_be_bytes()))
    }
}

/// Why a text is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeError {
    /// It has this number of symbols, not 28.
    Length(usize),
    /// A symbol that no code has.
    Symbol {
        /// The symbol.
        symbol: char,
        /// The position in the text, counted from 1.
        position: usize,
    },
    /// The check symbols do not fit the others.
    Check {
        /// The group of four, counted from 1, in which one wrong symbol or two exchanged ones
        /// explain it; `None` if no group does, or more than one.
        group: Option<usize>,
    },
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(0) => write!(f, "the code is empty"),
            Self::Length(count) => {
                write!(
                    f,
                    "a code has {SYMBOLS} letters and digits, this one {count}"
                )
            }
            Self::Symbol { symbol, position } => {
                let symbol = symbol.escape_debug();
                write!(f, "no code has '{symbol}' (position {position})")
            }
            Self::Check { group: Some(group) } => {
                write!(f, "the code has a typing error, probably in group {group}")
            }
            Self::Check { group: None } => write!(f, "the code has a typing error"),
        }
    }
}

impl std::error::Error for CodeError {}

/// The key that the handshake mixes in, derived from a [`SharedCode`]. It is erased when dropped.
#[derive(Clone)]
pub struct PreSharedKey(Zeroizing<[u8; 32]>);

impl PreSharedKey {
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PreSharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PreSharedKey")
    }
}

/// The product of two elements of GF(32), modulo x^5 + x^2 + 1.
fn times(a: u8, b: u8) -> u8 {
    let (mut a, mut product) = (a, 0);
    for bit in 0..5 {
        if b >> bit & 1 == 1 {
            product ^= a;
        }
        a <<= 1;
        if a & 32 != 0 {
            a ^= 0b10_0101;
        }
    }
    product
}

/// The generator of GF(32) to the power `exponent`; 31 powers differ.
fn power(exponent: usize) -> u8 {
    (0..exponent % 31).fold(1, |power, _| times(power, 2))
}

/// The sums over c(i) g^i and over c(i) g^(2i): both are zero in a code.
fn syndromes(symbols: &[u8; SYMBOLS]) -> (u8, u8) {
    let (mut first, mut second) = (0, 0);
    for symbol in symbols.iter().rev() {
        first = times(first, 2) ^ symbol;
        second = times(second, 4) ^ symbol;
    }
    (first, second)
}

/// The only group in which the repair of one typing error makes a code of the symbols.
fn suspect(symbols: &[u8; SYMBOLS]) -> Option<usize> {
    let (first, second) = syndromes(symbols);
    let mut found = None;
    for at in 0..SYMBOLS {
        let change = times(first, power(31 - at));
        let is_change = change != 0 && times(change, power(2 * at)) == second;
        let change = symbols[at] ^ symbols.get(at + 1).unwrap_or(&symbols[at]);
        let is_exchange = change != 0
            && times(change, power(at) ^ power(at + 1)) == first
            && times(change, power(2 * at) ^ power(2 * at + 2)) == second;
        if is_change || is_exchange {
            match found {
                Some(group) if group != at / GROUP => return None,
                _ => found = Some(at / GROUP),
            }
        }
    }
    found.map(|group| group + 1)
}

#[cfg(test)]
#[path = "shared_code_tests.rs"]
mod tests;
