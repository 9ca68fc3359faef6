//! The distribution of a time as the buckets of an HdrHistogram that are not empty.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};
use serde::{Deserialize, Serialize};

/// The most bytes that a histogram may have once it is inflated.
const LARGEST: u64 = 4 << 20;

/// The most buckets that a histogram may have: 8 MiB of counts.
const BUCKETS: u64 = 1 << 20;

/// The cookies of the encodings: version 2, and that compressed.
const COOKIES: [u32; 2] = [0x1c84_9313, 0x1c84_9314];

/// Bytes of an encoding before its counts.
const HEAD: usize = 40;

/// A distribution of times in nanoseconds: the counts of an HdrHistogram, of which only those above zero
/// take memory.
///
/// Distributions of one precision add up without loss: the sum is the histogram of all their samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// The lowest value that is told from 0.
    lowest: u64,
    /// The highest value that fits.
    highest: u64,
    /// Significant digits.
    digits: u8,
    /// The highest value of each bucket and its count, in the order of the values.
    buckets: Vec<(u64, u64)>,
}

impl Default for Distribution {
    fn default() -> Self {
        Self {
            lowest: 1,
            highest: 2,
            digits: 3,
            buckets: Vec::new(),
        }
    }
}

impl From<&Histogram<u64>> for Distribution {
    fn from(histogram: &Histogram<u64>) -> Self {
        Self {
            lowest: histogram.low(),
            highest: histogram.high(),
            digits: histogram.sigfig(),
            buckets: histogram
                .iter_recorded()
                .map(|step| (step.value_iterated_to(), step.count_at_value()))
                .collect(),
        }
    }
}

impl Distribution {
    /// The distribution of `values` in nanoseconds, at three significant digits.
    pub fn of(values: impl IntoIterator<Item = u64>) -> Self {
        // These bounds are valid.
        let Ok(mut histogram) = Histogram::<u64>::new(3) else {
            return Self::default();
        };
        for value in values {
            let _ = histogram.record(value);
        }
        Self::from(&histogram)
    }

    /// Decodes base64 of the encoding V2 of HdrHistogram, compressed or not.
    ///
    /// # Errors
    /// Says what is wrong with it. Memory is bounded whatever it says.
    pub fn decode(text: &str) -> Result<Self, String> {
        let bytes = STANDARD
            .decode(text)
            .map_err(|why| format!("it is no base64: {why}"))?;
        let plain = inflated(&bytes)?;
        check(&plain)?;
        let histogram = Deserializer::new()
            .deserialize::<u64, _>(&mut plain.as_slice())
            .map_err(|why| format!("it is no histogram: {why}"))?;
        Ok(Self::from(&histogram))
    }

    /// Encodes it as [`Self::decode`] reads it, compressed.
    pub fn encode(&self) -> String {
        let mut bytes = Vec::new();
        if let Some(histogram) = self.histogram() {
            // Writing to memory does not fail.
            let _ = V2DeflateSerializer::new().serialize(&histogram, &mut bytes);
        }
        STANDARD.encode(bytes)
    }

    /// It as a histogram; `None` if its bounds are too large.
    pub fn histogram(&self) -> Option<Histogram<u64>> {
        let mut histogram =
            Histogram::new_with_bounds(self.lowest, self.highest, self.digits).ok()?;
        for &(value, count) in &self.buckets {
            histogram.record_n(value, count).ok()?;
        }
        Some(histogram)
    }

    /// Adds another one.
    ///
    /// # Errors
    /// If they differ in precision: then the sum would not be exact, and this one stays as it was.
    pub fn add(&mut self, other: &Self) -> Result<(), String> {
        if other.is_empty() {
            return Ok(());
        }
        if self.is_empty() {
            self.clone_from(other);
            return Ok(());
        }
        if (self.lowest, self.digits) != (other.lowest, other.digits) {
            return Err(format!(
                "a histogram of {} digits from {} ns on and one of {} digits from {} ns on do not add up exactly",
                self.digits, self.lowest, other.digits, other.lowest
            ));
        }
        self.highest = self.highest.max(other.highest);
        let mut sum = Vec::with_capacity(self.buckets.len().max(other.buckets.len()));
        let (mut mine, mut its) = (
            self.buckets.iter().peekable(),
            other.buckets.iter().peekable(),
        );
        loop {
            let next = match (mine.peek(), its.peek()) {
                (Some(a), Some(b)) if a.0 == b.0 => (a.0, a.1.saturating_add(b.1)),
                (Some(a), Some(b)) if a.0 < b.0 => **a,
                (Some(_) | None, Some(b)) => **b,
                (Some(a), None) => **a,
                (None, None) => break,
            };
            mine.next_if(|bucket| bucket.0 == next.0);
            its.next_if(|bucket| bucket.0 == next.0);
            sum.push(next);
        }
        self.buckets = sum;
        Ok(())
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        let counts = self.buckets.iter().map(|bucket| bucket.1);
        counts.fold(0, u64::saturating_add)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// The value that a part of all values does not exceed, from 0 to 1; 0 if there are no values.
    pub fn quantile(&self, quantile: f64) -> u64 {
        let wanted = ((quantile.clamp(0.0, 1.0) * self.count() as f64).ceil() as u64).max(1);
        let mut seen = 0_u64;
        for &(value, count) in &self.buckets {
            seen = seen.saturating_add(count);
            if seen >= wanted {
                return value;
            }
        }
        self.max()
    }

    /// The largest value, to the precision of its bucket.
    pub fn max(&self) -> u64 {
        self.buckets.last().map_or(0, |bucket| bucket.0)
    }

    /// The smallest value, to the precision of its bucket.
    pub fn min(&self) -> u64 {
        self.buckets.first().map_or(0, |bucket| bucket.0)
    }

    /// The mean, to the precision of the buckets.
    pub fn mean(&self) -> f64 {
        let sum = |sum: f64, bucket: &(u64, u64)| sum + bucket.0 as f64 * bucket.1 as f64;
        self.buckets.iter().fold(0.0, sum) / self.count().max(1) as f64
    }

    /// The highest value of each bucket and its count, in the order of the values.
    pub fn buckets(&self) -> &[(u64, u64)] {
        &self.buckets
    }

    /// The relative width of a bucket: values this near are not told apart.
    pub fn resolution(&self) -> f64 {
        0.1_f64.powi(self.digits.into())
    }
}

/// The bytes of the encoding that is not compressed.
fn inflated(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let cookie = bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
    match cookie {
        Some(cookie) if cookie == COOKIES[0] => Ok(bytes.to_vec()),
        Some(cookie) if cookie == COOKIES[1] => {
            let mut plain = Vec::new();
            let packed = bytes.get(8..).unwrap_or_default();
            let read = ZlibDecoder::new(packed)
                .take(LARGEST + 1)
                .read_to_end(&mut plain);
            match read {
                Ok(_) if plain.len() as u64 <= LARGEST => Ok(plain),
                Ok(_) => Err("it is larger than any histogram".into()),
                Err(why) => Err(format!("it is cut off or damaged: {why}")),
            }
        }
        _ => Err("it is no histogram of version 2 of HdrHistogram".into()),
    }
}

/// Checks what the decoder believes: lengths before it makes room, and numbers before it adds them.
fn check(plain: &[u8]) -> Result<(), String> {
    let cut = || "it is cut off".to_owned();
    let head = plain.first_chunk::<HEAD>().ok_or_else(cut)?;
    let number = |at: usize| {
        let bytes = head.get(at..at + 8).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| u64::from_be_bytes(*bytes))
    };
    let length = (number(0) & 0xffff_ffff) as usize;
    let digits = number(8) & 0xffff_ffff;
    let (lowest, highest) = (number(16), number(24));
    let counts = &plain[HEAD..];
    if counts.len() < length {
        return Err(cut());
    }
    if !(1..=5).contains(&digits) || lowest == 0 || highest < lowest.saturating_mul(2) {
        return Err("its bounds are no histogram's".into());
    }
    // As many buckets as a power of two has, for each doubling of the range.
    let half = (2 * 10_u64.pow(digits as u32)).next_power_of_two() / 2;
    let doublings = u64::from((highest / lowest).max(1).ilog2()) + 2;
    let buckets = half * doublings.saturating_sub(u64::from(half.ilog2())).max(2);
    if buckets > BUCKETS {
        return Err(format!(
            "its range and {digits} digits take more memory than allowed"
        ));
    }
    let (mut at, mut sum) = (0, 0_i64);
    while at < length {
        let (number, taken) = varint(&counts[at..length]).ok_or_else(cut)?;
        at += taken;
        let count = (number >> 1) as i64 ^ -((number & 1) as i64);
        if count < -(BUCKETS as i64) {
            return Err("it has more empty buckets than there are".into());
        }
        sum = (sum.checked_add(count.max(0))).ok_or("its counts are too large")?;
    }
    Ok(())
}

/// A number of up to nine bytes (ZigZag LEB128-64b9B) and its length.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(9).enumerate() {
        if at == 8 {
            return Some((value | u64::from(*byte) << 56, 9));
        }
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    None
}

/// A distribution in JSON: what people look at, and the histogram that everything is read back from.
#[derive(Serialize, Deserialize)]
struct Record {
    #[serde(skip_deserializing)]
    count: u64,
    #[serde(skip_deserializing)]
    min_ns: u64,
    #[serde(skip_deserializing)]
    mean_ns: f64,
    #[serde(skip_deserializing)]
    p50_ns: u64,
    #[serde(skip_deserializing)]
    p90_ns: u64,
    #[serde(skip_deserializing)]
    p99_ns: u64,
    #[serde(skip_deserializing)]
    p99_9_ns: u64,
    #[serde(skip_deserializing)]
    max_ns: u64,
    histogram: String,
}

impl Serialize for Distribution {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Record {
            count: self.count(),
            min_ns: self.min(),
            mean_ns: self.mean(),
            p50_ns: self.quantile(0.5),
            p90_ns: self.quantile(0.9),
            p99_ns: self.quantile(0.99),
            p99_9_ns: self.quantile(0.999),
            max_ns: self.max(),
            histogram: self.encode(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Distribution {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let record = Record::deserialize(deserializer)?;
        let wrong = |why| serde::de::Error::custom(format!("a histogram is wrong: {why}"));
        Self::decode(&record.histogram).map_err(wrong)
    }
}

#[cfg(test)]
mod tests;
