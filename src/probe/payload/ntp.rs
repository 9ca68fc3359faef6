//! NTP (RFC 5905): a client's request, the server's stratum, and the offset between the clocks.

use std::time::{Duration, SystemTime};

use super::text::Quoted;
use super::{Asked, Nonce, Reading};

/// Seconds from the era of NTP (1900) to that of Unix.
const UNIX: u64 = 2_208_988_800;

/// Version 4, mode 3 (client), and 48 bytes in all. The transmit timestamp is random, so that a reply,
/// which repeats it as its origin, cannot be forged, and this machine's clock is not disclosed.
pub(super) fn question(nonce: &Nonce) -> Vec<u8> {
    let mut bytes = vec![0; 48];
    bytes[0] = 0b00_100_011;
    bytes[40..].copy_from_slice(&nonce[..8]);
    bytes
}

pub(super) fn read(reply: &[u8], asked: &Asked) -> Reading {
    let Some(packet) = reply.first_chunk::<48>() else {
        return Reading::foreign("not an NTP packet: shorter than 48 bytes");
    };
    if !matches!(packet[0] & 7, 2 | 4 | 5) || !(1..=4).contains(&(packet[0] >> 3 & 7)) {
        return Reading::foreign("not an NTP server packet: wrong mode or version");
    }
    let stratum = packet[1];
    let reference = &packet[12..16];
    let letters = || {
        let end = reference.iter().position(|&byte| byte == 0).unwrap_or(4);
        Quoted(&reference[..end]).to_string()
    };
    let mut text = match stratum {
        0 => format!("NTP kiss of death {}", letters()),
        1 => format!("NTP stratum 1 from {}", letters()),
        2..=15 => format!("NTP stratum {stratum}"),
        _ => "NTP unsynchronized".to_owned(),
    };
    let is_ours = packet[24..32] == asked.nonce[..8];
    if stratum != 0 && is_ours {
        let [received, sent] = [32, 40].map(|at| {
            let mut stamp = [0; 8];
            stamp.copy_from_slice(&packet[at..at + 8]);
            u64::from_be_bytes(stamp)
        });
        let offset = offset(
            timestamp(asked.sent),
            received,
            sent,
            timestamp(asked.received),
        );
        text += &format!(", offset {}", seconds(offset));
    }
    Reading::by_id(text, is_ours)
}

/// A time as NTP writes it: seconds since 1900 modulo 2^32, and their fraction.
fn timestamp(time: SystemTime) -> u64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    (since.as_secs().wrapping_add(UNIX) << 32) | fraction
}

/// `((T2 - T1) + (T3 - T4)) / 2` (RFC 5905 section 8), in units of 2^-32 s; correct within 34 years, in
/// any era.
fn offset(t1: u64, t2: u64, t3: u64, t4: u64) -> i64 {
    let difference = |a: u64, b: u64| i128::from(a.wrapping_sub(b).cast_signed());
    ((difference(t2, t1) + difference(t3, t4)) / 2) as i64
}

/// `+1.5ms`, `-0.2µs`: the lead of the server's clock.
fn seconds(offset: i64) -> String {
    let nanos = (i128::from(offset) * 1_000_000_000) >> 32;
    let size = Duration::from_nanos(u64::try_from(nanos.unsigned_abs()).unwrap_or(u64::MAX));
    format!("{}{size:.1?}", if nanos < 0 { '-' } else { '+' })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Fit;
    use super::*;

    #[test]
    fn a_server_that_is_ahead() {
        let sent = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let asked = Asked {
            nonce: [7; 16],
            sent,
            received: sent + Duration::from_millis(20),
        };
        let mut reply = question(&asked.nonce);
        (reply[0], reply[1]) = (0b00_100_100, 1);
        reply[12..16].copy_from_slice(b"GPS\0");
        reply[24..32].copy_from_slice(&[7; 8]);
        let server = timestamp(sent + Duration::from_millis(1510)).to_be_bytes();
        reply[32..40].copy_from_slice(&server);
        reply[40..48].copy_from_slice(&server);
        let reading = read(&reply, &asked);
        assert_eq!(reading.fit, Fit::Answer);
        assert_eq!(reading.text, "NTP stratum 1 from 'GPS', offset +1.5s");
        reply[31] ^= 1;
        assert_eq!(read(&reply, &asked).fit, Fit::Foreign);
    }

    proptest! {
        #[test]
        fn an_offset_is_what_was_put_in(secs in 0_u64..8_000_000_000, ahead in -1_000_000_i64..1_000_000, way in 0_u64..1000) {
            let t1 = secs << 32;
            let shift = |ms: i64| ((i128::from(ms) << 32) / 1000) as i64;
            let t2 = t1.wrapping_add(shift(way as i64).cast_unsigned()).wrapping_add(shift(ahead).cast_unsigned());
            let t4 = t1.wrapping_add(shift(2 * way as i64).cast_unsigned());
            let found = offset(t1, t2, t2, t4);
            prop_assert!((found - shift(ahead)).abs() < 1 << 12);
        }

        #[test]
        fn any_offset_is_shown(offset in any::<i64>()) {
            seconds(offset);
        }
    }
}
