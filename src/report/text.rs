//! Figures for people.

/// A time of nanoseconds in three or four digits.
pub fn time(nanos: u64) -> String {
    let number = nanos as f64;
    let (value, unit) = match nanos {
        0..1_000 => return format!("{nanos} ns"),
        1_000..1_000_000 => (number / 1e3, "µs"),
        1_000_000..1_000_000_000 => (number / 1e6, "ms"),
        _ => (number / 1e9, "s"),
    };
    match value {
        99.95.. => format!("{value:.0} {unit}"),
        9.995.. => format!("{value:.1} {unit}"),
        _ => format!("{value:.2} {unit}"),
    }
}

/// A rate of datagrams.
pub fn per_second(rate: f64) -> String {
    match rate {
        1e6.. => format!("{:.2} Mpps", rate / 1e6),
        1e3.. => format!("{:.2} kpps", rate / 1e3),
        _ => format!("{rate:.2} pps"),
    }
}

/// A part of a whole.
pub fn percent(part: f64) -> String {
    match part * 100.0 {
        0.0 => "0 %".into(),
        percent @ -0.01..0.01 => format!("{percent:.4} %"),
        percent => format!("{percent:.2} %"),
    }
}

/// A number with spaces between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        for (nanos, want) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (52_340, "52.3 µs"),
            (99_960, "100 µs"),
            (123_456_789, "123 ms"),
            (u64::MAX, "18446744074 s"),
        ] {
            assert_eq!(time(nanos), want);
        }
        assert_eq!(per_second(1_500_000.0), "1.50 Mpps");
        assert_eq!(
            (percent(0.02), percent(-0.00001)),
            ("2.00 %".into(), "-0.0010 %".into())
        );
        assert_eq!(
            (grouped(0), grouped(999), grouped(1_234_567)),
            ("0".into(), "999".into(), "1,234,567".into())
        );
    }
}
