//! The NDJSON of `udpraw options`.

use serde::Serialize;

use crate::cli::output::envelope::json_event;

/// A socket option, and its value on a new socket.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct OptionRecord<'a> {
    /// The option's name.
    pub(super) name: &'a str,
    /// Other names of the option.
    pub(super) aliases: &'a [&'a str],
    /// Level of setsockopt(2), as in `SOL_SOCKET`.
    pub(super) level: String,
    /// Number of the level.
    pub(super) level_number: i32,
    /// Number of the option in its level.
    pub(super) number: i32,
    /// Type of the value.
    pub(super) r#type: &'a str,
    /// Unit of the value; empty if it has none.
    pub(super) unit: &'a str,
    /// Values that can be set, for people.
    pub(super) allowed: &'a str,
    /// Whether the option can be read, set, or both.
    pub(super) access: String,
    /// Who can set it, for people.
    pub(super) privilege: &'a str,
    /// Address families of the option.
    pub(super) families: &'a str,
    /// The kernel's first version with the option.
    pub(super) since_kernel: &'a str,
    /// What the option does.
    pub(super) meaning: &'a str,
    /// What is surprising about it.
    pub(super) caveats: &'a [&'a str],
    /// Sizes in bytes of the control messages that the option adds to a datagram.
    pub(super) control_message_bytes: &'a [usize],
    /// The manual page that describes it.
    pub(super) manual: &'a str,
    /// The value on a new socket: a boolean, number, text or object by its type; null if it has none.
    pub(super) value: Option<serde_json::Value>,
    /// The name of the errno, if this kernel refuses to read the option.
    pub(super) errno: Option<String>,
}

json_event!("udpraw.options/1", struct OptionRecord<'_> => "option");

/// A socket option that was set.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct AppliedRecord<'a> {
    /// The option's name.
    pub(super) name: &'a str,
    /// The value before; null if it could not be read.
    pub(super) before: Option<serde_json::Value>,
    /// The value that was asked for.
    pub(super) requested: serde_json::Value,
    /// The value after; null if it cannot be read.
    pub(super) effective: Option<serde_json::Value>,
    /// Whether the effective value is the requested one; null if it cannot be read.
    pub(super) as_requested: Option<bool>,
    /// Why the effective value is another, for people.
    pub(super) remark: Option<&'a str>,
}

json_event!("udpraw.options/1", struct AppliedRecord<'_> => "set");
