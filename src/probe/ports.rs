//! Reads lists of ports: `53`, `domain`, `1-1000`, `ntp,161,5000-5010`.

use crate::error::{Error, Result};
use crate::services::resolve_port;

/// The ports of a list, in its order, each once.
///
/// # Errors
/// If the list is empty, an item is neither a port, a range of ports nor a service's name, a range is
/// reversed, or a port is 0.
///
/// ```
/// use udpraw::probe::ports;
/// assert_eq!(ports("53,5000-5002,53")?, [53, 5000, 5001, 5002]);
/// # Ok::<(), udpraw::error::Error>(())
/// ```
pub fn ports(text: &str) -> Result<Vec<u16>> {
    let mut ports = Vec::new();
    let mut is_seen = vec![false; usize::from(u16::MAX) + 1];
    for item in text.split(',') {
        let (first, last) = range(item.trim())?;
        for port in first..=last {
            if !std::mem::replace(&mut is_seen[usize::from(port)], true) {
                ports.push(port);
            }
        }
    }
    Ok(ports)
}

fn range(item: &str) -> Result<(u16, u16)> {
    let bad = |reason: &str| {
        Error::invalid(
            "read",
            format_args!("port '{}'", item.escape_debug()),
            reason,
        )
        .with_remedy("write a port from 1 to 65535, a service's name, or a range such as 1-1000")
    };
    // A name may have a hyphen too: a range has digits on both sides.
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (first, last) = match item.split_once('-') {
        Some((first, last)) if is_number(first) && is_number(last) => {
            (resolve_port(first)?, resolve_port(last)?)
        }
        _ if item.is_empty() => return Err(bad("it is empty")),
        _ => {
            let port = resolve_port(item)?;
            (port, port)
        }
    };
    match (first, last) {
        (0, _) => Err(bad("it is not a valid destination")),
        _ if first > last => Err(bad("the range is reversed")),
        range => Ok(range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        assert_eq!(ports("1-3, 2,9").unwrap(), [1, 2, 3, 9]);
        assert_eq!(ports("1-65535").unwrap().len(), 65_535);
        for bad in [
            "",
            ",",
            "0",
            "0-5",
            "5-1",
            "1-",
            "1-70000",
            "-1",
            "no\x1bsuch",
            "1-2-3",
        ] {
            let error = ports(bad).unwrap_err().to_string();
            assert!(!error.contains('\x1b'), "{error:?}");
        }
    }
}
