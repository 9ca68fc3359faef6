//! Floor 2: names and numbers of ports (services(5)).
use crate::error::{Error, Result};

/// A port.
pub fn resolve_port(text: &str) -> Result<u16> {
    text.parse()
        .map_err(|_| Error::invalid("find", text, "no such service"))
}
