//! How bad a network is, in words.

use std::time::Duration;

use udpraw::protocol::impairment::{Distribution, Loss, Profile};

/// `loss 20 %, delay 50 ms`, in the order in which a datagram meets it; `nothing` for a perfect network.
pub(super) fn describe(profile: &Profile) -> String {
    let mut parts = Vec::new();
    if !profile.blackholes.is_empty() {
        let windows = profile.blackholes.iter();
        let windows = windows.map(|window| format!("{}..{}", time(window.start), time(window.end)));
        parts.push(format!(
            "blackhole {}",
            windows.collect::<Vec<_>>().join(", ")
        ));
    }
    if let Some(mtu) = profile.mtu {
        parts.push(format!("mtu {mtu} bytes"));
    }
    match profile.loss {
        Loss::None => {}
        Loss::Random(share) => parts.push(format!("loss {}", percent(share))),
        Loss::GilbertElliott { recover, .. } => parts.push(format!(
            "loss {} in bursts of {:.1} datagrams on average",
            percent(profile.loss.share()),
            1.0 / recover.max(f64::MIN_POSITIVE),
        )),
        _ => parts.push(format!("loss {}", percent(profile.loss.share()))),
    }
    let mut share = |name: &str, value: f64| {
        if value > 0.0 {
            parts.push(format!("{name} {}", percent(value)));
        }
    };
    share("truncate", profile.truncate);
    share("corrupt", profile.corrupt);
    if let Some(rate) = profile.rate {
        let queue = super::count(profile.queue as u64, "datagram", "datagrams");
        parts.push(format!("rate {} (queue of {queue})", bits(rate)));
    }
    if !(profile.delay.is_zero() && profile.jitter.is_zero()) {
        let jitter = match (profile.jitter.is_zero(), profile.distribution) {
            (true, _) => String::new(),
            (false, Distribution::Normal) => format!(" ± {} (normal)", time(profile.jitter)),
            (false, _) => format!(" ± {}", time(profile.jitter)),
        };
        parts.push(format!("delay {}{jitter}", time(profile.delay)));
    }
    let mut share = |name: &str, value: f64| {
        if value > 0.0 {
            parts.push(format!("{name} {}", percent(value)));
        }
    };
    share("reorder", profile.reorder);
    share("duplicate", profile.duplicate);
    if parts.is_empty() {
        return "nothing".into();
    }
    parts.join(", ")
}

/// `20 %`, without the noise of binary fractions.
fn percent(share: f64) -> String {
    format!("{} %", (share * 1e8).round() / 1e6)
}

/// `50 ms`, `1.5 s`.
fn time(time: Duration) -> String {
    let micros = time.as_nanos() as f64 / 1e3;
    match micros {
        1e6.. => format!("{} s", micros / 1e6),
        1e3.. => format!("{} ms", micros / 1e3),
        0.0 => "0 s".into(),
        _ => format!("{micros} µs"),
    }
}

/// `10 Mbit/s`.
fn bits(rate: u64) -> String {
    let rate = rate as f64;
    match rate {
        1e9.. => format!("{} Gbit/s", rate / 1e9),
        1e6.. => format!("{} Mbit/s", rate / 1e6),
        1e3.. => format!("{} kbit/s", rate / 1e3),
        _ => format!("{rate} bit/s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_impairment_has_its_words() {
        for (text, words) in [
            ("", "nothing"),
            ("loss=20%,delay=50ms", "loss 20 %, delay 50 ms"),
            ("loss=0.1%", "loss 0.1 %"),
            (
                "loss=ge:1%,25%",
                "loss 3.846154 % in bursts of 4.0 datagrams on average",
            ),
            ("delay=1500ms,jitter=5ms", "delay 1.5 s ± 5 ms"),
            (
                "jitter=200us,distribution=normal",
                "delay 0 s ± 200 µs (normal)",
            ),
            (
                "rate=10Mbit,queue=50",
                "rate 10 Mbit/s (queue of 50 datagrams)",
            ),
            (
                "blackhole=2s..5s,mtu=1400",
                "blackhole 2 s..5 s, mtu 1400 bytes",
            ),
            (
                "duplicate=1%,reorder=2%,corrupt=3%,truncate=4%",
                "truncate 4 %, corrupt 3 %, reorder 2 %, duplicate 1 %",
            ),
        ] {
            let mut profile = Profile::default();
            profile.set_all(text).unwrap();
            assert_eq!(describe(&profile), words, "{text}");
        }
    }
}
