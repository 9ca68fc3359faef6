//! When each datagram of a load is due: pure functions of its number.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::units::{self, PacketRate};

/// The most segments of a plan.
const MOST_SEGMENTS: usize = 1000;

const NANOS: f64 = 1e9;

/// A part of a plan, in which the rate is constant or changes linearly.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Segment {
    /// The rates at its start and its end.
    from: PacketRate,
    to: PacketRate,
    /// Its length in seconds; infinite for the last one of a plan without an end.
    seconds: f64,
}

/// Rates over time, as people write them: `50kpps`, `10kpps/5s,50kpps/5s`, `10kpps..1Mpps/10s`.
///
/// Segments are separated by commas and follow each other. Each is a rate, or two with `..` between them,
/// from the first of which the rate rises or falls linearly to the second. `/TIME` is its length, and a
/// second number, as in `10kpps..100kpps/10s/10`, cuts the ramp into as many steps of equal length. The
/// last segment may be without a length.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan(Vec<Segment>);

impl Plan {
    /// A constant rate without an end.
    pub fn constant(rate: PacketRate) -> Self {
        let (from, to, seconds) = (rate, rate, f64::INFINITY);
        Self(vec![Segment { from, to, seconds }])
    }

    /// How long it is in nanoseconds; `None` if it has no end.
    pub fn nanos(&self) -> Option<u64> {
        let seconds: f64 = self.0.iter().map(|segment| segment.seconds).sum();
        seconds.is_finite().then_some((seconds * NANOS) as u64)
    }

    /// The curve of a plan for datagrams with `size` bytes of payload.
    pub fn curve(&self, size: usize) -> Curve {
        let (mut pieces, mut start, mut count) = (Vec::new(), 0.0, 0.0);
        for Segment { from, to, seconds } in &self.0 {
            let (from, to) = (from.per_second(size), to.per_second(size));
            pieces.push(Piece {
                start,
                count,
                from,
                slope: (to - from) / seconds,
            });
            start += seconds;
            count += (from + to) / 2.0 * seconds;
        }
        Curve {
            pieces,
            end: start,
            total: count,
        }
    }
}

impl From<PacketRate> for Plan {
    fn from(rate: PacketRate) -> Self {
        Self::constant(rate)
    }
}

impl FromStr for Plan {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |reason: &str| {
            let quoted = format!("'{}'", text.escape_debug());
            Error::invalid("read rates", quoted, reason).with_remedy(
                "write a rate, or RATE/TIME or RATE..RATE/TIME with commas between them",
            )
        };
        let mut segments = Vec::new();
        for part in text.split(',') {
            if segments
                .last()
                .is_some_and(|last: &Segment| last.seconds.is_infinite())
            {
                return Err(bad("only the last one may be without a time"));
            }
            // A rate may end in /s.
            let part = part.trim();
            let mut words = part.split('/').map(str::trim);
            let rates = words.next().unwrap_or_default();
            let mut words = words.filter(|word| *word != "s");
            let (from, to) = match rates.split_once("..") {
                Some((from, to)) => (units::packet_rate(from)?, units::packet_rate(to)?),
                None => (units::packet_rate(rates)?, units::packet_rate(rates)?),
            };
            let seconds = match words.next() {
                Some(time) => units::duration(time)?.as_secs_f64(),
                None if from != to => {
                    return Err(bad("a ramp needs a time, as in 1kpps..9kpps/10s"));
                }
                None => f64::INFINITY,
            };
            if seconds <= 0.0 {
                return Err(bad("a time of 0"));
            }
            let steps = match words.next().map(str::parse::<u16>) {
                None => 1,
                Some(Ok(steps @ 2..=500)) if seconds.is_finite() => steps,
                Some(_) => return Err(bad("the number of steps must be 2 to 500")),
            };
            if words.next().is_some() {
                return Err(bad("too many '/'"));
            }
            if steps == 1 {
                segments.push(Segment { from, to, seconds });
            } else {
                segments.extend(stairs(from, to, seconds, steps));
            }
            if segments.len() > MOST_SEGMENTS {
                return Err(bad("more than 1000 segments"));
            }
        }
        Ok(Self(segments))
    }
}

/// A ramp as steps of equal length, from the first rate to the last.
fn stairs(
    from: PacketRate,
    to: PacketRate,
    seconds: f64,
    steps: u16,
) -> impl Iterator<Item = Segment> {
    let seconds = seconds / f64::from(steps);
    (0..steps).map(move |step| {
        let part = f64::from(step) / f64::from(steps - 1);
        let between = |from: f64, to: f64| from + (to - from) * part;
        let rate = match (from, to) {
            (PacketRate::Bits(from), PacketRate::Bits(to)) => {
                PacketRate::Bits(between(from as f64, to as f64) as u64)
            }
            // Of a mixture, in datagrams of 1,000 bytes.
            _ => PacketRate::Packets(between(from.per_second(1000), to.per_second(1000))),
        };
        let (from, to) = (rate, rate);
        Segment { from, to, seconds }
    })
}

/// As [`FromStr`] reads it.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Segment { from, to, seconds }) in self.0.iter().enumerate() {
            f.write_str(if index > 0 { "," } else { "" })?;
            write!(f, "{from}")?;
            if from != to {
                write!(f, "..{to}")?;
            }
            if seconds.is_finite() {
                write!(f, "/{seconds}s")?;
            }
        }
        Ok(())
    }
}

/// A segment with what came before it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    /// When it starts, in seconds.
    start: f64,
    /// How many datagrams were due before it.
    count: f64,
    /// Datagrams per second at its start.
    from: f64,
    /// By how much that changes per second.
    slope: f64,
}

/// The number of datagrams that are due until a time, and its inverse.
///
/// ```
/// use udpraw::protocol::load::Plan;
/// let curve = "10pps..30pps/2s,100pps".parse::<Plan>()?.curve(64);
/// assert_eq!(curve.count(2_000_000_000), 40.0);
/// assert_eq!(curve.time(41.0), Some(2_010_000_000));
/// assert_eq!(curve.rate(1_000_000_000), 20.0);
/// # Ok::<(), udpraw::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    pieces: Vec<Piece>,
    /// Its length in seconds.
    end: f64,
    /// How many datagrams it has.
    total: f64,
}

impl Curve {
    /// How many datagrams are due in the first `nanos` nanoseconds: the integral of the rate.
    pub fn count(&self, nanos: u64) -> f64 {
        let time = (nanos as f64 / NANOS).min(self.end);
        let piece = self.piece(|piece| piece.start <= time);
        let within = time - piece.start;
        piece.count + within * (piece.from + piece.slope * within / 2.0)
    }

    /// When `count` datagrams are due, in nanoseconds; `None` if there are not as many.
    pub fn time(&self, count: f64) -> Option<u64> {
        if count.is_nan() || count >= self.total {
            return None;
        }
        let piece = self.piece(|piece| piece.count <= count);
        let within = (count - piece.count).max(0.0);
        let seconds = if piece.slope == 0.0 {
            within / piece.from
        } else {
            // The solution of the square without a difference of nearly equal numbers.
            let square = piece.from * piece.from + 2.0 * piece.slope * within;
            2.0 * within / (piece.from + square.max(0.0).sqrt())
        };
        Some(((piece.start + seconds) * NANOS).round() as u64)
    }

    /// Datagrams per second at a time; 0 behind the end.
    pub fn rate(&self, nanos: u64) -> f64 {
        let time = nanos as f64 / NANOS;
        if time > self.end {
            return 0.0;
        }
        let piece = self.piece(|piece| piece.start <= time);
        piece.from + piece.slope * (time - piece.start)
    }

    /// The highest rate of all.
    pub fn highest(&self) -> f64 {
        let ends = self.pieces.iter().enumerate().map(|(index, piece)| {
            let end = self
                .pieces
                .get(index + 1)
                .map_or(self.end, |next| next.start);
            let change = match piece.slope {
                0.0 => 0.0,
                slope => slope * (end - piece.start),
            };
            piece.from.max(piece.from + change)
        });
        ends.fold(0.0, f64::max)
    }

    /// The last piece that has begun.
    fn piece(&self, has_begun: impl Fn(&Piece) -> bool) -> Piece {
        let next = self.pieces.partition_point(has_begun).max(1);
        // A plan has at least one segment.
        self.pieces.get(next - 1).copied().unwrap_or(Piece {
            start: 0.0,
            count: 0.0,
            from: 1.0,
            slope: 0.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment() -> impl Strategy<Value = String> {
        (
            1..2_000_000_u32,
            prop::option::of(1..2_000_000_u32),
            1..5000_u32,
        )
            .prop_map(|(from, to, millis)| match to {
                Some(to) => format!("{from}pps..{to}pps/{millis}ms"),
                None => format!("{from}pps/{millis}ms"),
            })
    }

    proptest! {
        /// The integral of the rate, summed in small steps, is the count; and the time is its inverse.
        #[test]
        fn a_curve_is_the_integral_of_its_rate(segments in prop::collection::vec(segment(), 1..5), part in 0.0..1.0_f64) {
            let plan: Plan = segments.join(",").parse().unwrap();
            let curve = plan.curve(64);
            let again = plan.to_string().parse::<Plan>().unwrap().curve(64);
            prop_assert!((again.total / curve.total - 1.0).abs() < 1e-9);
            let end = plan.nanos().unwrap();
            let until = (end as f64 * part) as u64;
            let steps = 20_000;
            let width = until as f64 / f64::from(steps);
            let sum: f64 = (0..steps)
                .map(|step| curve.rate(((f64::from(step) + 0.5) * width) as u64) * width / NANOS)
                .sum();
            let count = curve.count(until);
            prop_assert!((sum - count).abs() <= 1.0 + count * 1e-3, "{} {}", sum, count);
            let back = curve.time(count).unwrap();
            prop_assert!(back.abs_diff(until) <= 2 + (1e9 / 2e6) as u64, "{} {}", back, until);
            prop_assert_eq!(curve.time(curve.total), None);
            prop_assert!(curve.highest() >= curve.rate(until));
        }

        #[test]
        fn times_never_go_back(segments in prop::collection::vec(segment(), 1..4), from in 0..10_000_u32) {
            let curve = segments.join(",").parse::<Plan>().unwrap().curve(64);
            let mut last = 0;
            for index in from..from + 500 {
                let Some(time) = curve.time(f64::from(index)) else { break };
                prop_assert!(time >= last);
                last = time;
            }
        }

        #[test]
        fn junk_is_refused_or_read(text in "[0-9kMpsbit./,-]{0,20}") {
            if let Ok(plan) = text.parse::<Plan>() {
                prop_assert!(plan.curve(64).time(0.0).is_some());
            }
        }
    }

    #[test]
    fn plans_are_read() {
        let plan = |text: &str| text.parse::<Plan>();
        assert_eq!(plan("50kpps").unwrap().nanos(), None);
        assert_eq!(plan("1kpps/s/2s").unwrap().nanos(), Some(2_000_000_000));
        let stairs = plan("1kpps..3kpps/3s/3").unwrap();
        assert_eq!(stairs.to_string(), "1kpps/1s,2kpps/1s,3kpps/1s");
        assert_eq!(plan("8Mbit").unwrap().curve(1000).rate(5), 1000.0);
        for (text, want) in [
            ("", "cannot read rate"),
            ("1kpps,2kpps", "only the last"),
            ("1kpps..2kpps", "a ramp needs a time"),
            ("1kpps/0s", "a time of 0"),
            ("1kpps/1s/1", "2 to 500"),
            ("1kpps/1s/2/3", "too many"),
            ("500", "500pps or 500bit"),
        ] {
            let error = plan(text).unwrap_err().to_string();
            assert!(error.contains(want), "{text}: {error}");
        }
    }
}
