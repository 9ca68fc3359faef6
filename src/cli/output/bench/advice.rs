//! What to use here, and the lines of code that do it.

use std::cmp::Reverse;

use udpraw::bench::{Config, Row, Scenario, Standing};
use udpraw::io::Backend;

use crate::cli::output::style::{NOTE, STRONG};

/// What to use, and how; empty without a recommendation.
pub(super) fn advice(rows: &[Row], config: &Config, markdown: bool) -> String {
    let Some((send, receive)) = recommended(rows) else {
        return String::new();
    };
    let code = |text: String| {
        if markdown {
            format!("`{text}`")
        } else {
            format!("{STRONG}{text}{STRONG:#}")
        }
    };
    let what = match (send, receive) {
        (Backend::Offload, Backend::Offload) => {
            format!(
                "{}, which is offload here",
                code("BackendChoice::Auto".into())
            )
        }
        (send, receive) if send == receive || config.server.is_some() => {
            code(format!("BackendChoice::Only(Backend::{send:?})"))
        }
        (send, receive) => format!(
            "{} to send and {} to receive",
            code(format!("Backend::{send:?}")),
            code(format!("Backend::{receive:?}"))
        ),
    };
    let gain = gain(rows, (send, receive));
    let lines = loops(send, receive);
    if markdown {
        format!("\nUse {what}{gain}.\n\n```rust\n{lines}```\n")
    } else {
        format!("\n{NOTE}Use{NOTE:#} {what}{gain}:\n{lines}")
    }
}

/// The lines that send and those that receive, each on its own socket.
fn loops(send: Backend, receive: Backend) -> String {
    let choice = |backend| match backend {
        Backend::Offload => "BackendChoice::Auto".to_owned(),
        other => format!("BackendChoice::Only(Backend::{other:?})"),
    };
    let [send, receive] = [send, receive].map(choice);
    let [sending, receiving] = [SENDING, RECEIVING].map(inner);
    format!(
        "// The side that sends\n{}// The side that receives\n{}",
        sending.replace("CHOICE", &send),
        receiving.replace("CHOICE", &receive)
    )
}

/// The lines of a block, without its braces and their indent.
fn inner(block: &str) -> String {
    let lines = block.lines().filter_map(|line| line.strip_prefix("    "));
    lines.map(|line| format!("{line}\n")).collect()
}

/// How to send: a block that the test below compiles and runs.
const SENDING: &str = include_str!("sending.txt");
/// How to receive; likewise.
const RECEIVING: &str = include_str!("receiving.txt");

/// The pair of backends that is not behind in more comparisons than any other; of equals the one that
/// wins most, then what `auto` takes, then one backend for both sides, then the plainest.
fn recommended(rows: &[Row]) -> Option<(Backend, Backend)> {
    let decided = rows.iter().any(|row| row.standing == Standing::Winner);
    let merit = |pair: (Backend, Backend)| {
        let standings = || own(rows, pair).map(|row| row.standing);
        let wins = standings().filter(|one| *one == Standing::Winner).count();
        let noise = standings().filter(|one| *one == Standing::Noise).count();
        // Where nothing wins, an interrupted run's pairs differ only in the number of rows, which is no merit.
        let merit = if decided {
            (wins + noise, wins)
        } else {
            (noise.min(1), 0)
        };
        let (send, receive) = pair;
        let simple = (
            pair == (Backend::Offload, Backend::Offload),
            send == receive,
        );
        (merit, simple, Reverse(pair))
    };
    let pairs = rows
        .iter()
        .map(|row| (row.variant.send, row.variant.receive));
    let best = pairs.max_by_key(|pair| merit(*pair))?;
    (merit(best).0.0 > 0).then_some(best)
}

fn own(rows: &[Row], pair: (Backend, Backend)) -> impl Iterator<Item = &Row> {
    rows.iter()
        .filter(move |row| (row.variant.send, row.variant.receive) == pair)
}

/// By how much it wins over `single`, where it wins most.
fn gain(rows: &[Row], pair: (Backend, Backend)) -> String {
    let plain = |row: &Row| {
        own(rows, (Backend::Single, Backend::Single))
            .find(|other| other.variant.is_comparable(&row.variant))
            .map(|other| row.rate.median / other.rate.median.max(1e-9))
    };
    let most = own(rows, pair)
        .filter(|row| row.standing == Standing::Winner)
        .filter_map(|row| Some((plain(row)?, row.variant)))
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    match most {
        None if own(rows, pair).all(|row| row.standing != Standing::Winner) => {
            " (nothing measured is significantly faster)".into()
        }
        // It is its own measure.
        _ if pair == (Backend::Single, Backend::Single) => String::new(),
        None => String::new(),
        Some((times, variant)) => {
            let way = match variant.scenario {
                Scenario::Sink => "one way",
                Scenario::Echo => "round trip",
                _ => variant.scenario.name(),
            };
            format!(" (at {} B {way}, {times:.1} times single)", variant.size)
        }
    }
}

#[cfg(test)]
mod tests {
    use udpraw::bench::{Median, Variant};

    use super::*;

    fn row(
        size: usize,
        (send, receive): (Backend, Backend),
        median: f64,
        standing: Standing,
    ) -> Row {
        Row {
            variant: Variant {
                scenario: Scenario::Sink,
                send,
                receive,
                size,
                outstanding: 0,
            },
            trials: 5,
            rate: Median::of(&[median; 5]).unwrap(),
            loss: 0.0,
            cpu_ns: 1.0,
            syscalls: 1.0,
            unsound: 0,
            standing,
        }
    }

    #[test]
    fn the_loops_do_what_they_say() -> std::result::Result<(), Box<dyn std::error::Error>> {
        use std::sync::atomic::{AtomicBool, Ordering};

        use udpraw::io::{BackendChoice, Transmit, Transport, TransportConfig, Wait};
        use udpraw::socket::Endpoint;

        const CHOICE: BackendChoice = BackendChoice::Auto;
        let receiver = Endpoint::builder().bind("127.0.0.1:0".parse()?)?;
        let peer = receiver.local_address()?;
        let (bytes, size) = ([7; 300], 100);
        let endpoint = Endpoint::builder().bind("127.0.0.1:0".parse()?)?;
        include!("sending.txt");
        let (stop, mut lengths) = (AtomicBool::new(false), Vec::new());
        let mut handle = |datagram: &[u8]| {
            lengths.push(datagram.len());
            stop.store(lengths.len() == 3, Ordering::Relaxed);
        };
        let endpoint = receiver;
        include!("receiving.txt");
        assert_eq!(lengths, [100; 3]);
        let text = loops(Backend::Batch, Backend::Offload);
        assert!(text.contains("BackendChoice::Only(Backend::Batch)") && !text.contains("CHOICE"));
        Ok(())
    }

    #[test]
    fn it_recommends_what_wins() {
        use Backend::{Batch, Offload, Single};
        use Standing::{Alone, Behind, Noise, Winner};
        let both = |backend| (backend, backend);
        let mut rows = vec![
            row(64, both(Single), 10.0, Behind),
            row(64, both(Batch), 40.0, Winner),
            row(1400, both(Single), 10.0, Noise),
            row(1400, both(Batch), 11.0, Noise),
        ];
        let config = Config::default();
        let text = advice(&rows, &config, true);
        assert!(text.starts_with(
            "\nUse `BackendChoice::Only(Backend::Batch)` (at 64 B one way, 4.0 times single)."
        ));
        assert!(text.contains("Transport::open(endpoint, BackendChoice::Only(Backend::Batch), "));
        assert!(text.contains("transport.receive(Wait::Forever, "));
        rows.push(row(9000, both(Offload), 1.0, Winner));
        assert_eq!(recommended(&rows), Some(both(Batch)), "it is best twice");

        // Where all are alike, what `auto` takes is as good as any, and then what is simple.
        let tie = [
            row(64, both(Single), 1.0, Noise),
            row(64, (Batch, Single), 1.0, Noise),
            row(64, both(Offload), 1.0, Noise),
        ];
        assert_eq!(recommended(&tie), Some(both(Offload)));
        assert_eq!(recommended(&tie[..2]), Some(both(Single)));
        assert_eq!(recommended(&tie[1..2]), Some((Batch, Single)));
        // Cut off while the second size was measured, one pair has a row more: that says nothing.
        let cut = [
            row(64, both(Single), 1.0, Noise),
            row(64, both(Batch), 1.0, Noise),
            row(1400, both(Batch), 1.0, Noise),
        ];
        assert_eq!(recommended(&cut), Some(both(Single)));
        assert!(advice(&tie, &config, false).contains("(nothing measured is significantly faster"));
        assert_eq!(
            advice(&[row(64, both(Single), 1.0, Alone)], &config, false),
            ""
        );
        assert_eq!(advice(&[], &config, false), "");
    }
}
