//! Distributions against HdrHistogram, and damaged ones.

use proptest::prelude::*;

use super::*;

fn bounded() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap()
}

proptest! {
    /// The sum of the parts is the histogram of all samples, bucket by bucket.
    #[test]
    fn parts_add_up_to_the_whole(
        parts in prop::collection::vec(prop::collection::vec(0..60_000_000_000_u64, 0..50), 1..9),
    ) {
        let mut all = bounded();
        let mut sum = Distribution::default();
        for part in &parts {
            let mut histogram = bounded();
            for value in part {
                histogram.record(*value).unwrap();
                all.record(*value).unwrap();
            }
            let text = Distribution::from(&histogram).encode();
            sum.add(&Distribution::decode(&text).unwrap()).unwrap();
        }
        let whole = Distribution::from(&all);
        prop_assert_eq!(sum.buckets(), whole.buckets());
        prop_assert_eq!(sum.count(), all.len());
        for quantile in [0.001, 0.5, 0.9, 0.99, 0.999, 1.0] {
            prop_assert_eq!(sum.quantile(quantile), all.value_at_quantile(quantile));
        }
        if !all.is_empty() {
            prop_assert_eq!(sum.histogram().unwrap(), all);
        }
    }

    /// Damaged text is an error or a histogram, and no panic.
    #[test]
    fn damage_is_survived(
        values in prop::collection::vec(1..1_000_000_u64, 1..50),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        is_packed in any::<bool>(),
    ) {
        let mut histogram = bounded();
        for value in values {
            histogram.record(value).unwrap();
        }
        let mut bytes = Vec::new();
        if is_packed {
            V2DeflateSerializer::new().serialize(&histogram, &mut bytes).unwrap();
        } else {
            hdrhistogram::serialization::V2Serializer::new().serialize(&histogram, &mut bytes).unwrap();
        }
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = Distribution::decode(&STANDARD.encode(&bytes));
        prop_assert!(Distribution::decode(&STANDARD.encode(&bytes[..at])).is_err() || at == bytes.len());
    }

    #[test]
    fn anything_is_survived(counts in prop::collection::vec(any::<u8>(), 0..60), digits in 0..7_u32, high in any::<u64>()) {
        let mut bytes = COOKIES[0].to_be_bytes().to_vec();
        for word in [counts.len() as u32, 0, digits] {
            bytes.extend(word.to_be_bytes());
        }
        bytes.extend(1_u64.to_be_bytes());
        bytes.extend(high.to_be_bytes());
        bytes.extend(1_f64.to_be_bytes());
        bytes.extend(counts);
        let _ = Distribution::decode(&STANDARD.encode(bytes));
    }
}

#[test]
fn lies_of_a_head_cost_no_memory() {
    let head = |length: u32, digits: u32, high: u64| {
        let mut bytes = COOKIES[0].to_be_bytes().to_vec();
        for word in [length, 0, digits] {
            bytes.extend(word.to_be_bytes());
        }
        bytes.extend(1_u64.to_be_bytes());
        bytes.extend(high.to_be_bytes());
        bytes.extend(1_f64.to_be_bytes());
        bytes
    };
    let decode = |bytes: &[u8]| Distribution::decode(&STANDARD.encode(bytes));
    assert_eq!(
        decode(&head(u32::MAX, 3, 1000)).unwrap_err(),
        "it is cut off"
    );
    assert!(
        decode(&head(0, 5, u64::MAX))
            .unwrap_err()
            .contains("memory")
    );
    assert!(decode(&head(0, 3, u64::MAX)).unwrap().is_empty());
    // The smallest number, whose negation overflows.
    let mut least = head(9, 3, 1000);
    least.extend([0xff; 9]);
    assert!(decode(&least).unwrap_err().contains("empty"));
    // Zeros that inflate to gigabytes.
    let mut bomb = COOKIES[1].to_be_bytes().to_vec();
    bomb.extend(1_000_000_u32.to_be_bytes());
    let mut packer = flate2::write::ZlibEncoder::new(bomb, flate2::Compression::best());
    std::io::Write::write_all(&mut packer, &vec![0; LARGEST as usize * 2]).unwrap();
    assert!(
        decode(&packer.finish().unwrap())
            .unwrap_err()
            .contains("larger")
    );
    assert!(Distribution::decode("HIST!").is_err() && Distribution::decode("").is_err());
}

#[test]
fn other_precisions_do_not_add_up() {
    let mut three = Distribution::of([1, 2, 3]);
    let before = three.clone();
    let mut two = Histogram::<u64>::new(2).unwrap();
    two.record(5).unwrap();
    let why = three.add(&Distribution::from(&two)).unwrap_err();
    assert!(
        why.contains("3 digits") && why.contains("2 digits"),
        "{why}"
    );
    assert_eq!(three, before);
}
