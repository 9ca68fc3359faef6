//! The congestion controls by name.

use std::fmt;
use std::str::FromStr;

use super::{Bbr, Congestion, Cubic, Ledbat};
use crate::error::{Error, Result};

/// A congestion control that a transfer can be told to use.
///
/// ```
/// use udpraw::protocol::congestion::{Controller, Priority};
/// let controller: Controller = "bbr".parse()?;
/// assert_eq!(controller, Controller::Bbr);
/// assert_eq!(controller.build(1_200, 1).window(), 12_000);
/// assert_eq!(Priority::Low.controller(controller), Controller::Ledbat);
/// # Ok::<(), udpraw::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Controller {
    /// [`Bbr`]: sends at the rate that the path delivers, and bears random loss. The default: a
    /// transfer is often alone on its path, and where a link loses 1 % at random, CUBIC uses a
    /// fraction of it.
    #[default]
    Bbr,
    /// [`Cubic`]: as Linux's TCP. A loss reduces its window. For paths that are shared with TCP
    /// behind short queues, where BBR takes more than its share.
    Cubic,
    /// [`Ledbat`]: a scavenger, for [`Priority::Low`].
    Ledbat,
}

impl Controller {
    /// Those to choose from for a transfer of normal priority, the default first.
    pub const ALL: [Self; 2] = [Self::Bbr, Self::Cubic];

    /// Its name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cubic => "cubic",
            Self::Bbr => "bbr",
            Self::Ledbat => "ledbat",
        }
    }

    /// A new one, for datagrams of `segment` bytes. The seed should be random; it decides when BBR
    /// probes the path.
    pub fn build(self, segment: u64, seed: u64) -> Box<dyn Congestion> {
        match self {
            Self::Cubic => Box::new(Cubic::new(segment)),
            Self::Bbr => Box::new(Bbr::new(segment, seed)),
            Self::Ledbat => Box::new(Ledbat::new(segment)),
        }
    }
}

impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// `bbr` or `cubic`; case does not matter.
impl FromStr for Controller {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|controller| controller.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| {
                let remedy = "the congestion controls are bbr and cubic";
                unknown("find congestion control", text, remedy)
            })
    }
}

/// How a transfer shares the path with others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Priority {
    /// As an equal.
    #[default]
    Normal,
    /// It yields to all others.
    Low,
}

impl Priority {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Normal, Self::Low];

    /// Its name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }

    /// The congestion control for this priority: the chosen one, or the scavenger.
    pub fn controller(self, chosen: Controller) -> Controller {
        match self {
            Self::Normal => chosen,
            Self::Low => Controller::Ledbat,
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// `normal` or `low`; case does not matter.
impl FromStr for Priority {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| {
                let remedy = "the priorities are normal and low";
                unknown("find priority", text, remedy)
            })
    }
}

fn unknown(operation: &'static str, text: &str, remedy: &'static str) -> Error {
    let quoted = format!("'{}'", text.escape_debug());
    Error::invalid(operation, quoted, "there is none of that name").with_remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        assert_eq!(Controller::ALL[0], Controller::default());
        for controller in Controller::ALL {
            let name = controller.to_string();
            assert_eq!(
                name.to_uppercase().parse::<Controller>().ok(),
                Some(controller)
            );
        }
        for priority in Priority::ALL {
            assert_eq!(
                priority.to_string().parse::<Priority>().ok(),
                Some(priority)
            );
        }
        // The scavenger goes by its purpose.
        let error = "ledbat".parse::<Controller>().expect_err("no choice");
        assert!(error.to_string().contains("bbr and cubic"), "{error}");
        assert!("".parse::<Priority>().is_err());
        assert_eq!(
            Priority::Normal.controller(Controller::Bbr),
            Controller::Bbr
        );
    }
}
