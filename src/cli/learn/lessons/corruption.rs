//! Data is corrupted: what the checksum of UDP sees, and what it does not.

use udpraw::error::Result;

use crate::cli::learn::network::network;
use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "corruption",
    chapter: Chapter::Unreliable,
    words: |text| text.corruption(),
    answer: 2,
    run,
    attempt: "udpraw client --exchange",
    source: "RFC 768, \"Checksum\"; RFC 1071; RFC 9260, appendix A",
};

const TEXT: &str = "pay 10 euros";
/// Two texts of the same words of 16 bits, in another order.
const PAIRS: [&str; 2] = ["pay 1000 to B", "pay 0010 to B"];

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["receiver", "sender"])?;
    stage.must(0, "socket")?;
    stage.must(0, "bind 127.0.0.1:0")?;
    let receiver = stage.must(0, "name")?.address()?;
    let network = network(receiver, "corrupt=100%", 5, 1)?;
    stage.must(1, "socket")?;
    stage.must(1, format_args!("send {} {TEXT}", network.address))?;
    network.finish()?;
    let arrived = stage.must(0, "recv")?.datagram()?;
    expect(
        arrived.length == TEXT.len(),
        "the same length",
        arrived.length,
    )?;
    let arrived = arrived.text();
    expect(arrived != TEXT, "other data", &arrived)?;
    show.say(move |it| it.corruption_arrived(TEXT, &arrived));
    let [first, second] = PAIRS;
    let sums = PAIRS.map(|text| internet_checksum(text.as_bytes()));
    expect(sums[0] == sums[1], "one sum for both", sums[1])?;
    show.say(move |it| it.corruption_same_sum(first, second, sums[0]));
    let crcs = PAIRS.map(|text| crc32(text.as_bytes()));
    expect(crcs[0] != crcs[1], "two CRCs", crcs[1])?;
    show.say(move |it| it.corruption_crc(crcs[0], crcs[1]));
    show.close(stage);
    Ok(())
}

/// The checksum of UDP over these bytes (RFC 1071).
fn internet_checksum(bytes: &[u8]) -> u16 {
    let (words, rest) = bytes.as_chunks::<2>();
    let words = words
        .iter()
        .map(|word| u32::from(u16::from_be_bytes(*word)));
    let rest = rest.iter().map(|byte| u32::from(*byte) << 8);
    let mut sum: u32 = words.chain(rest).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// CRC-32, as Ethernet has it (IEEE 802.3).
fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg())
        })
    });
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sums_are_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        // RFC 1071, section 3.
        assert_eq!(
            internet_checksum(&[0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7]),
            !0xddf2
        );
    }
}
