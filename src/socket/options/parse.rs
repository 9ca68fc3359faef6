//! Text to values. The reasons are returned bare; the option adds its name.

use std::error::Error as _;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use super::kind::{DSCP, Kind, Names};
use super::value::{CLOCKS, Interface, Scoped, TRANSMIT_FLAGS, Value};
use crate::error::Error;
use crate::units;

/// Why a text is no value of its kind.
type Reason = String;

/// Reads `text` as a value of `kind`.
pub(super) fn value(kind: &Kind, text: &str) -> Result<Value, Reason> {
    let text = text.trim();
    match kind {
        Kind::Flag => flag(text),
        Kind::Int { low, high } => number(text, (*low).into(), (*high).into()).map(Value::Int),
        Kind::Word => number(text, 0, u32::MAX.into()).map(Value::Int),
        Kind::Bytes => match units::bytes(text).map_err(bare)? {
            bytes if bytes > i32::MAX as u64 => {
                Err(format!("{bytes} bytes do not fit in an int (2147483647)"))
            }
            bytes => Ok(Value::Int(bytes as i64)),
        },
        Kind::Rate if text.eq_ignore_ascii_case("unlimited") => Ok(Value::Rate(u64::MAX)),
        Kind::Rate => units::bytes(text).map(Value::Rate).map_err(bare),
        Kind::Time => {
            let time = units::duration(text).map_err(bare)?;
            let micros = whole_micros(time)?;
            Ok(Value::Time(Duration::from_micros(micros)))
        }
        Kind::Microseconds => microseconds(text).map(Value::Int),
        Kind::Linger if text.eq_ignore_ascii_case("off") => Ok(Value::Linger(None)),
        Kind::Linger => {
            let time = units::duration(text).map_err(bare)?;
            match (time.subsec_nanos(), u32::try_from(time.as_secs())) {
                (0, Ok(seconds)) => Ok(Value::Linger(Some(seconds))),
                _ => Err("not a whole number of seconds".into()),
            }
        }
        Kind::Tos { low } => match number_of(DSCP, text) {
            Some(tos) => Ok(Value::Int(tos.into())),
            None => number(text, (*low).into(), 255).map(Value::Int),
        },
        Kind::Enumeration(names) => match number_of(names, text) {
            Some(number) => Ok(Value::Enumeration(number, names)),
            None => {
                let number = integer(text).and_then(|number| i32::try_from(number).ok());
                number
                    .filter(|number| names.iter().any(|(_, known)| known == number))
                    .map(|number| Value::Enumeration(number, names))
                    .ok_or_else(|| format!("no '{}' among its values", text.escape_debug()))
            }
        },
        Kind::Bits(names) => bits(text, names).map(|bits| Value::Bits(bits, names)),
        Kind::Device => device(text),
        Kind::Interface | Kind::InterfaceBigEndian => match Interface::named(text)? {
            Interface::Address(_) => Err("an address is no interface's name".into()),
            interface => Ok(Value::Interface(interface)),
        },
        Kind::MulticastInterface => Interface::named(text).map(Value::Interface),
        Kind::Membership | Kind::PacketInfo => scoped(text).map(Value::Scoped),
        Kind::SourceMembership => {
            let (source, group) = text
                .split_once('@')
                .ok_or("no '@' between source and group")?;
            let (source, group) = (address(source)?, scoped(group)?);
            if source.is_ipv4() == group.address.is_ipv4() {
                Ok(Value::Source(source, group))
            } else {
                Err("source and group are of different families".into())
            }
        }
        Kind::PortRange => port_range(text),
        Kind::TransmitTime => transmit_time(text),
        Kind::Hex { at_most } => hex(text, *at_most),
        Kind::Cookie
        | Kind::Errno
        | Kind::SocketAddress
        | Kind::PathMtu
        | Kind::MemoryInfo
        | Kind::Filter
        | Kind::Structure => Err("its value cannot be written as text".into()),
    }
}

/// The reason alone out of an error that names its own operation.
fn bare(error: Error) -> Reason {
    match error.source() {
        Some(reason) => reason.to_string(),
        None => error.to_string(),
    }
}

fn flag(text: &str) -> Result<Value, Reason> {
    const TRUE: [&str; 4] = ["1", "on", "true", "yes"];
    const FALSE: [&str; 4] = ["0", "off", "false", "no"];
    let is = |word: &&str| word.eq_ignore_ascii_case(text);
    match (TRUE.iter().any(is), FALSE.iter().any(is)) {
        (true, _) => Ok(Value::Flag(true)),
        (_, true) => Ok(Value::Flag(false)),
        _ => Err(format!("'{}' is not on or off", text.escape_debug())),
    }
}

/// A decimal or, after `0x`, hexadecimal whole number.
fn integer(text: &str) -> Option<i64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        // from_str_radix would take a sign, and `0x-1` is nobody's number.
        Some(digits) if digits.starts_with(['+', '-']) => None,
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => i64::from_str(text).ok(),
    }
}

fn number(text: &str, low: i64, high: i64) -> Result<i64, Reason> {
    match integer(text) {
        Some(number) if (low..=high).contains(&number) => Ok(number),
        Some(number) => Err(format!("{number} is not within {low} to {high}")),
        None => Err(format!("'{}' is not a whole number", text.escape_debug())),
    }
}

fn whole_micros(time: Duration) -> Result<u64, Reason> {
    match (time.subsec_nanos() % 1000, u64::try_from(time.as_micros())) {
        (0, Ok(micros)) => Ok(micros),
        _ => Err("not a whole number of microseconds".into()),
    }
}

/// A plain number counts microseconds here, as at the system call.
fn microseconds(text: &str) -> Result<i64, Reason> {
    if let Some(micros) = integer(text) {
        return number(text, 0, i32::MAX.into()).map(|_| micros);
    }
    let micros = whole_micros(units::duration(text).map_err(bare)?)?;
    match i32::try_from(micros) {
        Ok(micros) => Ok(micros.into()),
        Err(_) => Err(format!(
            "{micros} us do not fit in an int (2147483647 us, 35 minutes)"
        )),
    }
}

fn number_of(names: Names, text: &str) -> Option<i32> {
    names
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text))
        .map(|(_, number)| *number)
}

fn bits(text: &str, names: Names) -> Result<i32, Reason> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(0);
    }
    text.split(['+', ',', '|']).try_fold(0, |sum, part| {
        let part = part.trim();
        let bit = match number_of(names, part) {
            Some(bit) => bit,
            None => integer(part)
                .and_then(|number| i32::try_from(number).ok().filter(|bits| *bits >= 0))
                .ok_or_else(|| format!("no '{}' among its bits", part.escape_debug()))?,
        };
        Ok(sum | bit)
    })
}

fn device(text: &str) -> Result<Value, Reason> {
    if text.eq_ignore_ascii_case("any") {
        return Ok(Value::Device(String::new()));
    }
    if text.len() >= libc::IFNAMSIZ {
        return Err(format!(
            "an interface's name has at most {} bytes",
            libc::IFNAMSIZ - 1
        ));
    }
    // What needs an escape to be shown could not be read back as it is shown.
    let is_plain = text.escape_debug().eq(text.chars());
    if text.is_empty() || !is_plain || text.contains(char::is_whitespace) {
        return Err(format!("'{}' is no interface's name", text.escape_debug()));
    }
    Ok(Value::Device(text.to_owned()))
}

fn address(text: &str) -> Result<IpAddr, Reason> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse()
        .map_err(|_| format!("'{}' is not an IP address", text.escape_debug()))
}

fn scoped(text: &str) -> Result<Scoped, Reason> {
    let (text, interface) = match text.split_once('%') {
        Some((address, interface)) => (address, Interface::named(interface)?),
        None => (text, Interface::Any),
    };
    Ok(Scoped {
        address: address(text)?,
        interface,
    })
}

fn port_range(text: &str) -> Result<Value, Reason> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(Value::PortRange(0, 0));
    }
    let (low, high) = text.split_once('-').ok_or("no '-' between the two ports")?;
    let port = |text: &str| number(text.trim(), 0, u16::MAX.into()).map(|port| port as u16);
    match (port(low)?, port(high)?) {
        (low, high) if low > high && high != 0 => Err(format!("{low} is above {high}")),
        (low, high) => Ok(Value::PortRange(low, high)),
    }
}

fn transmit_time(text: &str) -> Result<Value, Reason> {
    let mut parts = text.split('+');
    let clock = parts.next().unwrap_or_default();
    let clock =
        number_of(CLOCKS, clock).ok_or_else(|| format!("no clock '{}'", clock.escape_debug()))?;
    let flags = parts.try_fold(0, |sum, part| {
        number_of(TRANSMIT_FLAGS, part)
            .map(|bit| sum | bit.cast_unsigned())
            .ok_or_else(|| format!("no flag '{}'", part.escape_debug()))
    })?;
    Ok(Value::TransmitTime(clock, flags))
}

fn hex(text: &str, at_most: usize) -> Result<Value, Reason> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(Value::Hex(Vec::new()));
    }
    let digits = text.as_bytes();
    if digits.len() > at_most.saturating_mul(2) {
        return Err(format!("more than {at_most} bytes"));
    }
    let bad = || {
        format!(
            "'{}' is not pairs of hexadecimal digits",
            text.escape_debug()
        )
    };
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or_else(bad);
    digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Ok((digit(*high)? << 4 | digit(*low)?) as u8),
            _ => Err(bad()),
        })
        .collect::<Result<_, _>>()
        .map(Value::Hex)
}
