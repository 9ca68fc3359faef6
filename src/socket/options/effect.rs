//! What the kernel made of a setting, and why that is not what was asked for.

use std::fs;
use std::os::fd::BorrowedFd;

use super::kind::Kind;
use super::option::SocketOption;
use super::option_value::OptionValue;
use super::value::Value;
use crate::error::Result;

/// What became of a [`OptionValue`] that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Effect {
    /// The value now; `None` where the kernel shows none, as of memberships.
    pub value: Option<Value>,
    /// The option that was read: another one where the option itself can only be set, such as
    /// `SO_RCVBUF` for `SO_RCVBUFFORCE`.
    pub read_from: &'static SocketOption,
    /// Why the value is another than the one that was asked for, or why there is none.
    pub remark: Option<String>,
}

/// The most that `SO_RCVBUFFORCE` and `SO_SNDBUFFORCE` take: twice as much is an `int`.
const MOST_FORCED: i64 = i32::MAX as i64 / 2;

/// No kernel stores more than this where less is asked for (2,304 to receive, 4,608 to send).
const LEAST: i64 = 8192;

/// Options that can only be set, and the one that shows what they did.
const READ_INSTEAD: [(&str, &str); 3] = [
    ("SO_RCVBUFFORCE", "SO_RCVBUF"),
    ("SO_SNDBUFFORCE", "SO_SNDBUF"),
    ("SO_DETACH_FILTER", "SO_ATTACH_FILTER"),
];

impl SocketOption {
    /// Of an option that can only be set, the one that shows what it did, if there is one.
    ///
    /// ```
    /// use udpraw::socket::options::SocketOption;
    /// let option = SocketOption::find("SO_RCVBUFFORCE")?;
    /// assert_eq!(option.shown_by().unwrap().name, "SO_RCVBUF");
    /// # Ok::<(), udpraw::error::Error>(())
    /// ```
    pub fn shown_by(&self) -> Option<&'static Self> {
        let instead = READ_INSTEAD.iter().find(|(name, _)| *name == self.name);
        instead.and_then(|(_, name)| Self::find(name).ok())
    }
}

impl OptionValue {
    /// Reads what became of it once it was applied, and says why where that is not what was asked
    /// for.
    ///
    /// ```
    /// use std::os::fd::AsFd;
    /// use udpraw::socket::{Endpoint, Family, options::OptionValue};
    /// let endpoint = Endpoint::builder().unbound(Family::V4)?;
    /// let setting: OptionValue = "SO_RCVBUF=64KiB".parse()?;
    /// setting.apply(endpoint.as_fd())?;
    /// let effect = setting.effect(endpoint.as_fd())?;
    /// assert_eq!(effect.value.unwrap().to_string(), "131072");
    /// assert!(effect.remark.unwrap().starts_with("twice the value is stored"));
    /// # Ok::<(), udpraw::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// Of getsockopt(2).
    pub fn effect(&self, fd: BorrowedFd<'_>) -> Result<Effect> {
        let option = self.option();
        let read_from = option.shown_by().unwrap_or(option);
        if !read_from.is_readable() {
            return Ok(Effect {
                value: None,
                read_from,
                remark: Some("set; the kernel shows no value of it".into()),
            });
        }
        let value = read_from.get(fd)?;
        let remark = self.difference(&value);
        Ok(Effect {
            value: Some(value),
            read_from,
            remark,
        })
    }

    /// Why the value is not the one that was asked for; `None` if it is, or that is not known.
    fn difference(&self, value: &Value) -> Option<String> {
        let (name, requested) = (self.option().name, self.requested());
        // A buffer that was cut to half looks as if it were granted: it is doubled.
        if requested == value && self.option().kind != Kind::Bytes {
            return None;
        }
        if let (Value::Int(requested), Value::Int(stored)) = (requested, value) {
            let limit = match name {
                "SO_RCVBUF" | "SO_RCVBUFFORCE" => Some("rmem_max"),
                "SO_SNDBUF" | "SO_SNDBUFFORCE" => Some("wmem_max"),
                _ => None,
            };
            return match (name, limit) {
                (_, Some(limit)) => Some(buffer(name, limit, *requested, *stored)),
                ("SO_RCVLOWAT", _) if *requested == 0 => Some("0 is stored as 1".into()),
                _ if *requested == -1 => Some("-1 stands for the system's default".into()),
                _ => None,
            };
        }
        match name {
            "SO_BSDCOMPAT" | "IPV6_ADDR_PREFERENCES" => {
                self.option().traps.first().map(|trap| (*trap).to_owned())
            }
            "SO_RCVTIMEO" | "SO_SNDTIMEO" => Some("rounded up to the kernel's tick".into()),
            "IP_MULTICAST_IF" => Some("set by index, of which the kernel shows nothing".into()),
            _ => None,
        }
    }
}

/// What became of a buffer's size: the kernel cuts it to a limit, doubles it, and has a least.
fn buffer(name: &str, limit: &str, requested: i64, stored: i64) -> String {
    let granted = stored / 2;
    if granted == requested {
        return "twice the value is stored, for the kernel's own bookkeeping".into();
    }
    if granted > requested && stored <= LEAST {
        return format!("{stored} is the least that the kernel stores");
    }
    let is_forced = name.ends_with("FORCE");
    let most = if is_forced {
        Some(MOST_FORCED)
    } else {
        system_limit(limit)
    };
    match most {
        Some(most) if granted != requested.min(most) => "another option changed it".into(),
        _ if is_forced => format!("limited to {MOST_FORCED}, then doubled"),
        _ => format!(
            "limited by {limit} to {granted}, then doubled; {name}FORCE goes beyond it with \
             CAP_NET_ADMIN, or raise it: sysctl -w net.core.{limit}={requested}"
        ),
    }
}

/// What `/proc` says of a limit, where it is there.
fn system_limit(name: &str) -> Option<i64> {
    let text = fs::read_to_string(format!("/proc/sys/net/core/{name}")).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;
    use crate::socket::{Endpoint, Family};

    #[test]
    fn a_buffer_says_what_became_of_it() {
        let most = system_limit("rmem_max").unwrap();
        let much = most + 1000;
        for (requested, stored, want) in [
            (65_536, 131_072, "twice"),
            (much, 2 * most, "limited by rmem_max to "),
            // Cut to half and doubled: as if it were granted.
            (2 * most, 2 * most, "limited by rmem_max to "),
            (1, 2304, "2304 is the least"),
            (much, 131_072, "another option changed it"),
        ] {
            let text = buffer("SO_RCVBUF", "rmem_max", requested, stored);
            assert!(text.contains(want), "{text}");
        }
        let most = system_limit("wmem_max").unwrap();
        let text = buffer("SO_SNDBUF", "wmem_max", i32::MAX.into(), 2 * most);
        assert!(
            text.contains("SO_SNDBUFFORCE") && text.contains("net.core.wmem_max=2147483647"),
            "{text}"
        );
        let text = buffer(
            "SO_RCVBUFFORCE",
            "rmem_max",
            i32::MAX.into(),
            2 * MOST_FORCED,
        );
        assert!(text.starts_with("limited to 1073741823"), "{text}");
    }

    #[test]
    fn every_option_that_is_read_instead_can_be_read() {
        for (name, instead) in READ_INSTEAD {
            assert!(!SocketOption::find(name).unwrap().is_readable(), "{name}");
            assert!(SocketOption::find(instead).unwrap().is_readable());
        }
    }

    #[test]
    fn what_was_set_and_reads_otherwise_says_why() {
        let endpoint = Endpoint::builder().unbound(Family::V6).unwrap();
        for (setting, value, remark) in [
            ("IP_TTL=9", Some("9"), None),
            ("SO_RCVLOWAT=0", Some("1"), Some("0 is stored as 1")),
            ("SO_RCVTIMEO=1ms", Some(""), Some("rounded up")),
            ("IPV6_UNICAST_HOPS=-1", Some("64"), Some("-1 stands for")),
            ("IPV6_TCLASS=-1", Some("0"), Some("-1 stands for")),
            (
                "IPV6_ADD_MEMBERSHIP=ff15::1%lo",
                None,
                Some("shows no value"),
            ),
            ("SO_BUSY_POLL_BUDGET=8", None, Some("shows no value")),
        ] {
            let parsed: OptionValue = setting.parse().unwrap();
            parsed.apply(endpoint.as_fd()).unwrap();
            let effect = parsed.effect(endpoint.as_fd()).unwrap();
            assert_eq!(effect.value.is_some(), value.is_some(), "{setting}");
            if let (Some(is), Some(want)) = (&effect.value, value) {
                assert!(want.is_empty() || is.to_string() == want, "{setting}: {is}");
                // A tick of 1 ms leaves it as it is.
                if setting.starts_with("SO_RCVTIMEO") && is.to_string() == "1ms" {
                    continue;
                }
            }
            match (effect.remark, remark) {
                (None, None) => {}
                (Some(is), Some(want)) => assert!(is.contains(want), "{setting}: {is}"),
                other => panic!("{setting}: {other:?}"),
            }
        }
    }
}
