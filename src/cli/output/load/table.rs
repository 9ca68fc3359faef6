//! The table of one screen at the end.

use std::fmt::Write as _;

use hdrhistogram::Histogram;
use udpraw::load::{ClockState, Config, Figures, Report, Stream, Timestamps};

/// A time of nanoseconds in four digits.
pub(super) fn time(nanos: u64) -> String {
    let (value, unit) = match nanos as f64 {
        number @ 1e9.. => (number / 1e9, "s"),
        number @ 1e6.. => (number / 1e6, "ms"),
        number @ 1e3.. => (number / 1e3, "µs"),
        _ => return format!("{nanos} ns"),
    };
    match value {
        100.0.. => format!("{value:.0} {unit}"),
        10.0.. => format!("{value:.1} {unit}"),
        _ => format!("{value:.2} {unit}"),
    }
}

/// A rate of datagrams.
pub(super) fn per_second(rate: f64) -> String {
    match rate {
        1e6.. => format!("{:.3} Mpps", rate / 1e6),
        1e3.. => format!("{:.2} kpps", rate / 1e3),
        _ => format!("{rate:.2} pps"),
    }
}

/// A part of a whole.
pub(super) fn percent(part: f64) -> String {
    match part * 100.0 {
        0.0 => "0 %".into(),
        percent @ ..0.01 => format!("{percent:.4} %"),
        percent => format!("{percent:.2} %"),
    }
}

/// All of it.
pub(super) fn whole(found: &Report, config: &Config) -> String {
    let total = &found.total;
    let mut text = String::new();
    let kind = match config.closed {
        Some(count) => format!("closed loop, {count} in flight"),
        None => format!("open loop, {} asked for", per_second(total.asked)),
    };
    let _ = writeln!(
        text,
        "\n{}: {kind}, {} sent, {} B, {:.1} s, {} ({})",
        config.target,
        per_second(total.rate()),
        config.payload_bytes(),
        total.length.as_secs_f64(),
        super::super::count(config.flows as u64, "flow", "flows"),
        found.backend,
    );
    times(&mut text, total, config);
    streams(&mut text, total);
    flows(&mut text, found);
    remarks(&mut text, found, config);
    text
}

fn times(text: &mut String, total: &Figures, config: &Config) {
    let times = &total.times;
    let latency = match config.closed {
        Some(_) => "round trip",
        None => "latency",
    };
    let rows: [(&str, &Histogram<u64>); 6] = [
        (latency, &times.latency),
        ("from send", &times.round_trip),
        ("up", &times.up),
        ("down", &times.down),
        ("send slip", &times.slip),
        ("in kernel", &times.kernel_send),
    ];
    let rows: Vec<_> = rows
        .into_iter()
        .filter(|(_, times)| !times.is_empty())
        .collect();
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\n{:<11}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "", "min", "p50", "p90", "p99", "p99.9", "p99.99", "max"
    );
    for (name, times) in rows {
        let _ = write!(text, "{name:<11}{:>9}", time(times.min()));
        for quantile in [0.5, 0.9, 0.99, 0.999, 0.9999] {
            let _ = write!(text, "{:>9}", time(times.value_at_quantile(quantile)));
        }
        let _ = writeln!(text, "{:>9}", time(times.max()));
    }
}

fn streams(text: &mut String, total: &Figures) {
    let all = [
        ("round trip", total.round_trip),
        ("up", total.up),
        ("down", total.down),
    ];
    let _ = writeln!(
        text,
        "\n{:<11}{:>11}{:>11}{:>10}{:>9}{:>9}{:>10}{:>9}",
        "", "sent", "arrived", "lost", "", "copies", "reordered", "jitter"
    );
    for (name, stream) in all {
        let Some(stream) = stream else {
            continue;
        };
        let counts = &stream.counts;
        let jitter = time(counts.jitter);
        let _ = writeln!(
            text,
            "{name:<11}{:>11}{:>11}{:>10}{:>9}{:>9}{:>10}{jitter:>9}",
            stream.sending.sent,
            counts.unique,
            stream.lost,
            percent(stream.loss()),
            counts.duplicates,
            counts.reordered,
        );
    }
    for (name, stream) in all {
        if let Some(stream) = stream {
            books(text, name, &stream);
        }
    }
}

/// The worst and the best flow, of several.
fn flows(text: &mut String, found: &Report) {
    let [worst, .., best] = found.flows.as_slice() else {
        return;
    };
    for (name, flow) in [("worst flow", worst), ("best flow", best)] {
        let lost = percent(flow.loss());
        let _ = write!(
            text,
            "{name:<11}port {}: lost {} ({lost})",
            flow.port, flow.lost
        );
        if let Some(times) = &flow.latency {
            let (mean, max) = (time(times.mean() as u64), time(times.max));
            let _ = write!(text, ", latency {mean} on average, {max} at most");
        }
        let _ = writeln!(text);
    }
}

/// What the columns have no place for.
fn books(text: &mut String, name: &str, stream: &Stream) {
    let (sending, counts) = (&stream.sending, &stream.counts);
    let mut line = Vec::new();
    if sending.scheduled != sending.sent {
        let (due, refused, unsent) = (sending.scheduled, sending.refused, sending.unsent);
        line.push(format!(
            "{due} were due: {refused} refused by the kernel, {unsent} not sent in time"
        ));
    }
    if stream.out > 0 {
        line.push(format!("{} still on their way", stream.out));
    }
    if counts.reordered > 0 {
        let mean = counts.extent_sum as f64 / counts.reordered as f64;
        let three = counts.three_reordered;
        let most = counts.extent_most;
        line.push(format!(
            "reordered by {mean:.1} on average, {most} at most; {three} by three or more"
        ));
    }
    if counts.too_late > 0 {
        line.push(format!(
            "{} too late to know whether they are copies",
            counts.too_late
        ));
    }
    if !stream.is_balanced() {
        line.push("THE BOOKS DO NOT BALANCE".into());
    }
    if !line.is_empty() {
        let _ = writeln!(text, "{name}: {}", line.join("; "));
    }
}

fn remarks(text: &mut String, found: &Report, config: &Config) {
    let total = &found.total;
    let mut line = |remark: String| {
        let _ = writeln!(text, "{remark}");
    };
    if total.kernel_drops > 0 {
        line(format!(
            "Our own receive buffers dropped {}: raise them with --rcvbuf.",
            total.kernel_drops
        ));
    }
    if found.is_session_lost {
        line(
            "It ended early: the server does not know the session any more. It was restarted, or sees us at another \
             address. Its figures are the last that it reported."
                .into(),
        );
    } else if total.is_peer_silent {
        line("The server fell silent: its figures are those that it told the last.".into());
    }
    if let Some(drops @ 1..) = total.peer_drops {
        line(format!(
            "The peer's receive buffers dropped {drops}, from all its clients."
        ));
    }
    if total.over_limit > 0 {
        line(format!(
            "The peer did not answer {}, which were above its limit of rate or time.",
            total.over_limit
        ));
    }
    if total.foreign > 0 {
        line(format!("{} received that answer nothing.", total.foreign));
    }
    if config.timestamps == Timestamps::User {
        line("Arrivals have the time when they were read: our own delay is in the times.".into());
    }
    match total.clock {
        ClockState::Same => line("One-way times: both ends have the same clock.".into()),
        ClockState::Estimated(estimate) => line(format!(
            "One-way times: right to {}, half of the shortest round trip; the peer's clock drifts by {:.2} ppm.",
            time(estimate.error as u64),
            estimate.drift * 1e6
        )),
        ClockState::Withheld => {
            line("One-way times are withheld: the two clocks contradict each other.".into());
        }
        _ => {}
    }
    if let Some(error) = &total.first_error {
        line(format!("{} errors, the first: {error}", total.errors));
    }
    if config.closed.is_some() {
        line("A closed loop: the times hide how long the peer stood still.".into());
    }
    if !found.is_complete && !found.is_session_lost {
        line("Interrupted: what was measured until then.".into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_four_places() {
        for (nanos, want) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (52_340, "52.3 µs"),
            (123_456_789, "123 ms"),
            (60_000_000_000, "60.0 s"),
        ] {
            assert_eq!(time(nanos), want);
        }
        assert_eq!(per_second(1_500_000.0), "1.500 Mpps");
        assert_eq!(
            (percent(0.0).as_str(), percent(0.02), percent(0.00001)),
            ("0 %", "2.00 %".into(), "0.0010 %".into())
        );
    }
}
