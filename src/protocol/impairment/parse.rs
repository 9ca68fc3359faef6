//! Parses impairments: `loss=20%,delay=5ms`.

use std::str::FromStr;

use super::profile::{Distribution, Loss, Profile};
use crate::error::{Error, Result};
use crate::units;

/// The names of all impairments, in the order of a datagram's path.
const NAMES: [&str; 12] = [
    "blackhole",
    "mtu",
    "loss",
    "truncate",
    "corrupt",
    "rate",
    "queue",
    "delay",
    "jitter",
    "distribution",
    "reorder",
    "duplicate",
];

/// The longest queue, in datagrams.
const LONGEST_QUEUE: u64 = 16_384;

impl Profile {
    /// Sets one impairment by its name; earlier settings of others stay.
    ///
    /// # Errors
    /// If the name is unknown, or the value is invalid for it.
    ///
    /// ```
    /// use udpraw::protocol::impairment::Profile;
    /// let mut profile = Profile::default();
    /// profile.set("rate", "10Mbit")?;
    /// assert_eq!(profile.rate, Some(10_000_000));
    /// let error = profile.set("delya", "5ms").unwrap_err().to_string();
    /// assert!(error.ends_with("did you mean delay?"), "{error}");
    /// # Ok::<(), udpraw::error::Error>(())
    /// ```
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "blackhole" => {
                let windows = value.split(',').map(units::window);
                self.blackholes = windows.collect::<Result<_>>()?;
            }
            "mtu" => self.mtu = Some(small(name, value, units::bytes(value)?, 65_535)? as usize),
            "loss" => self.loss = value.parse()?,
            "truncate" => self.truncate = units::probability(value)?,
            "corrupt" => self.corrupt = units::probability(value)?,
            "rate" => self.rate = Some(units::rate(value)?),
            "queue" => {
                let number = value.trim().parse();
                let number = number.map_err(|_| bad(name, value, "it is not a whole number"))?;
                self.queue = small(name, value, number, LONGEST_QUEUE)? as usize;
            }
            "delay" => self.delay = units::network_time(value)?,
            "jitter" => self.jitter = units::network_time(value)?,
            "distribution" => self.distribution = value.parse()?,
            "reorder" => self.reorder = units::probability(value)?,
            "duplicate" => self.duplicate = units::probability(value)?,
            _ => return Err(unknown(name)),
        }
        Ok(())
    }

    /// Sets several, as in `loss=20%,delay=5ms`; a part without a name after a comma belongs to the
    /// previous value, as in `loss=ge:1%,25%`.
    ///
    /// # Errors
    /// The errors of [`Self::set`], and if the text does not begin with a name.
    pub fn set_all(&mut self, text: &str) -> Result<()> {
        let mut rest = text;
        while !rest.is_empty() {
            let Some((name, behind)) = rest.split_once('=') else {
                return Err(bad("impairment", rest, "it has no '='")
                    .with_remedy("write NAME=VALUE,NAME=VALUE, as in loss=20%,delay=5ms"));
            };
            let end = match behind.split_once('=') {
                // The comma before the next name.
                Some((value, _)) => value.rfind(',').unwrap_or(value.len()),
                None => behind.len(),
            };
            self.set(name.trim(), behind[..end].trim())?;
            rest = behind[end..].trim_start_matches([',', ' ']);
            // A second '=' without a comma.
            rest = rest.strip_prefix('=').map_or(Ok(rest), |_| {
                Err(bad("impairment", text, "a comma is missing before a name"))
            })?;
        }
        Ok(())
    }
}

/// The errors of [`Profile::set_all`].
impl FromStr for Profile {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut profile = Self::default();
        profile.set_all(text)?;
        Ok(profile)
    }
}

/// A probability, or `ge:P,R`: P from good to bad, R from bad to good; then the probability of loss
/// in the bad state (default 100 %) and in the good one (default 0 %), as `ge:1%,25%,90%,0.1%`.
impl FromStr for Loss {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some(numbers) = text.strip_prefix("ge:") else {
            return Ok(match units::probability(text)? {
                0.0 => Self::None,
                probability => Self::Random(probability),
            });
        };
        let numbers: Vec<f64> = numbers
            .split(',')
            .map(units::probability)
            .collect::<Result<_>>()?;
        let (worsen, recover, bad_loss, good) = match numbers[..] {
            [worsen, recover] => (worsen, recover, 1.0, 0.0),
            [worsen, recover, bad] => (worsen, recover, bad, 0.0),
            [worsen, recover, bad, good] => (worsen, recover, bad, good),
            _ => {
                return Err(bad("loss", text, "it needs two to four numbers")
                    .with_remedy("write ge:P,R, as in ge:1%,25%"));
            }
        };
        if recover == 0.0 {
            return Err(bad("loss", text, "the second number must be above 0")
                .with_remedy("a bad stretch lasts 1/R datagrams on average"));
        }
        Ok(Self::GilbertElliott {
            worsen,
            recover,
            bad: bad_loss,
            good,
        })
    }
}

impl FromStr for Distribution {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "uniform" => Ok(Self::Uniform),
            "normal" => Ok(Self::Normal),
            _ => Err(bad("distribution", text, "neither uniform nor normal")),
        }
    }
}

fn bad(what: &str, text: &str, reason: &str) -> Error {
    let operation = format!("read {what}");
    Error::invalid(operation, format_args!("'{}'", text.escape_debug()), reason)
}

fn small(name: &str, value: &str, number: u64, most: u64) -> Result<u64> {
    if (1..=most).contains(&number) {
        Ok(number)
    } else {
        Err(bad(name, value, &format!("it is not from 1 to {most}")))
    }
}

fn unknown(name: &str) -> Error {
    let nearest = NAMES
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .into_iter()
        .min()
        .filter(|(distance, _)| *distance <= 2);
    let remedy = match nearest {
        Some((_, known)) => format!("did you mean {known}?"),
        None => format!("known are {}", NAMES.join(", ")),
    };
    let quoted = format!("'{}'", name.escape_debug());
    Error::invalid("find impairment", quoted, "no impairment has that name").with_remedy(remedy)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_a_whole_profile() {
        let text = "loss=ge:1%,25%, delay=5ms,jitter=1ms,distribution=normal,blackhole=2s..5s,7s..8s,\
                    rate=10Mbit,queue=7,mtu=1400,corrupt=1%,truncate=2%,reorder=3%,duplicate=100%";
        let seconds = Duration::from_secs;
        assert_eq!(
            text.parse::<Profile>().unwrap(),
            Profile {
                blackholes: vec![seconds(2)..seconds(5), seconds(7)..seconds(8)],
                mtu: Some(1400),
                loss: Loss::GilbertElliott {
                    worsen: 0.01,
                    recover: 0.25,
                    bad: 1.0,
                    good: 0.0
                },
                truncate: 0.02,
                corrupt: 0.01,
                rate: Some(10_000_000),
                queue: 7,
                delay: Duration::from_millis(5),
                jitter: Duration::from_millis(1),
                distribution: Distribution::Normal,
                reorder: 0.03,
                duplicate: 1.0,
                headers: 28,
            }
        );
        assert!("".parse::<Profile>().unwrap().is_perfect());
        assert!("loss=0,queue=5".parse::<Profile>().unwrap().is_perfect());
        assert!(!"loss=1%".parse::<Profile>().unwrap().is_perfect());
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for (text, want) in [
            ("loss", "it has no '='"),
            ("loss=101%", "above 100%"),
            ("loss=1", "1% or 100%"),
            ("loss=ge:1%,0.25", "0.25% or 25%"),
            ("delay=50", "50ms or 50s"),
            ("jitter=5", "5ms or 5s"),
            ("rate=10mbps", "10Mbit or 10MB"),
            ("duplicate=0.5", "0.5% or 50%"),
            ("blackhole=2..5s", "2ms or 2s"),
            ("loss=-1%", "negative"),
            ("loss=ge:1%", "two to four numbers"),
            ("loss=ge:1%,0", "above 0"),
            ("loss=ge:1%,200%", "above 100%"),
            ("los=1%", "did you mean loss?"),
            ("bandwidth=1", "known are blackhole, mtu"),
            ("delay=5 parsecs", "unknown unit"),
            ("queue=0", "from 1 to 16384"),
            ("queue=1.5", "whole number"),
            ("mtu=65536", "from 1 to 65535"),
            ("distribution=pareto", "neither uniform nor normal"),
            ("blackhole=5s..2s", "does not end after its start"),
            ("rate=0", "less than one bit"),
            ("delay=1ms=2ms", "comma"),
            ("=", "no impairment has that name"),
            ("\x1b=\x1b", "\\u{1b}"),
        ] {
            let error = text.parse::<Profile>().unwrap_err().to_string();
            assert!(error.contains(want) && !error.contains('\x1b'), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z0-9=,.%: ge]{0,30}|.{0,20}") {
            let _ = text.parse::<Profile>();
        }
    }
}
