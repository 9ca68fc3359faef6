//! One object of NDJSON: a record in the envelope that all of them share.

use std::io;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// What can be written as one object of NDJSON.
///
/// [`json_event`] implements it. The record serializes as an object without
/// `event`: [`line`] adds it, the schema and the time; nothing else turns a record into JSON
/// (`tests/output/envelope.rs`).
pub(crate) trait JsonEvent: Serialize {
    /// The schema that the record follows, `udpraw.COMMAND/VERSION`.
    const SCHEMA: &'static str;
    /// The names of all events of this type, in the order of the variants.
    #[cfg(test)]
    const EVENTS: &'static [&'static str];

    /// The record's event.
    fn event(&self) -> &'static str;
}

/// Implements [`JsonEvent`]: for a struct, which is one event, or for an untagged enum with an event
/// for each variant, in the order of the variants.
macro_rules! json_event {
    ($schema:literal, struct $record:ty => $event:literal) => {
        impl $crate::cli::output::envelope::JsonEvent for $record {
            const SCHEMA: &'static str = $schema;
            #[cfg(test)]
            const EVENTS: &'static [&'static str] = &[$event];

            fn event(&self) -> &'static str {
                $event
            }
        }
    };
    ($schema:literal, enum $record:ty { $($variant:ident => $event:literal),+ $(,)? }) => {
        impl $crate::cli::output::envelope::JsonEvent for $record {
            const SCHEMA: &'static str = $schema;
            #[cfg(test)]
            const EVENTS: &'static [&'static str] = &[$($event),+];

            fn event(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $event,)+
                }
            }
        }
    };
}

pub(crate) use json_event;

#[derive(Serialize)]
struct Envelope<'a, T> {
    schema: &'static str,
    time: Time,
    event: &'static str,
    /// How many of the kind before this one were left out.
    #[serde(skip_serializing_if = "is_zero")]
    unreported: u64,
    #[serde(flatten)]
    record: &'a T,
}
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Nanoseconds of a duration, as every record writes it; the longest is 584 years.
pub(crate) fn nanos(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A moment as every record writes it: RFC 3339, UTC, nine digits of a second. Texts of this form
/// sort as the moments do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time(Timestamp);

impl Time {
    pub(crate) fn now() -> Self {
        Self(Timestamp::now())
    }
}

impl TryFrom<std::time::SystemTime> for Time {
    type Error = jiff::Error;

    /// Fails outside of the years -9999 to 9999.
    fn try_from(time: std::time::SystemTime) -> Result<Self, jiff::Error> {
        Timestamp::try_from(time).map(Self)
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.9}", self.0)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The object with its line feed. Its time is now: records are written in the order of their times.
///
/// `unreported` is how many of its kind were left out before it.
pub(super) fn line<T: JsonEvent>(unreported: u64, record: &T) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Envelope {
        schema: T::SCHEMA,
        time: Time::now(),
        event: record.event(),
        unreported,
        record,
    })?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
impl schemars::JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "date-time",
            "pattern": r"^-?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_time_has_one_form() {
        let at = |nanos| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos);
        let text = |nanos| Time::try_from(at(nanos)).unwrap().to_string();
        assert_eq!(text(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(text(1_500_000_000), "1970-01-01T00:00:01.500000000Z");
        assert_eq!(
            text(1_795_746_600_123_456_789),
            "2026-11-27T02:30:00.123456789Z"
        );
    }
}
