//! What to use here, and the lines of code that do it.

use udpraw::bench::{Config, Row, Scenario, Standing};
use udpraw::io::Rung;

use crate::cli::output::style::{NOTE, STRONG};

/// Two lines; none if nothing can be said.
pub(super) fn advice(rows: &[Row], config: &Config, markdown: bool) -> String {
    let Some((send, receive)) = recommended(rows) else {
        return String::new();
    };
    let what = match (send, receive) {
        (Rung::Offload, Rung::Offload) => "Choice::Auto, which takes offload here".to_owned(),
        (send, receive) if send == receive || config.server.is_some() => {
            format!("Choice::Only(Rung::{send:?})")
        }
        (send, receive) => {
            format!("Rung::{send:?} where you send, and Rung::{receive:?} where you receive")
        }
    };
    let gain = gain(rows, (send, receive));
    let choice = match send {
        Rung::Offload => "Choice::Auto".to_owned(),
        other => format!("Choice::Only(Rung::{other:?})"),
    };
    let code = format!(
        "let mut transport = Transport::open(endpoint, {choice}, Settings::default())?; \
         transport.outbox().send_run(Some(peer), &bytes, size);"
    );
    match markdown {
        true => format!("\nUse `{what}`{gain}.\n\n```rust\n{code}\n```\n"),
        false => format!("\n{NOTE}Use{NOTE:#} {STRONG}{what}{STRONG:#}{gain}:\n{code}\n"),
    }
}

/// The pair of rungs that is not behind in more comparisons than any other; of equals the one that
/// wins most, then the plainest.
fn recommended(rows: &[Row]) -> Option<(Rung, Rung)> {
    let score = |pair: (Rung, Rung)| {
        let standings = || own(rows, pair).map(|row| row.standing);
        let wins = standings().filter(|one| *one == Standing::Winner).count();
        let noise = standings().filter(|one| *one == Standing::Noise).count();
        (wins + noise, wins)
    };
    let pairs = rows
        .iter()
        .map(|row| (row.variant.send, row.variant.receive));
    let mut best: Option<((usize, usize), (Rung, Rung))> = None;
    for pair in pairs {
        let score = score(pair);
        let is_better = match best {
            None => score.0 > 0,
            Some((most, plainest)) => score > most || score == most && pair < plainest,
        };
        if is_better {
            best = Some((score, pair));
        }
    }
    best.map(|(_, pair)| pair)
}

fn own(rows: &[Row], pair: (Rung, Rung)) -> impl Iterator<Item = &Row> {
    rows.iter()
        .filter(move |row| (row.variant.send, row.variant.receive) == pair)
}

/// By how much it wins over `single`, where it wins most.
fn gain(rows: &[Row], pair: (Rung, Rung)) -> String {
    let plain = |row: &Row| {
        own(rows, (Rung::Single, Rung::Single))
            .find(|other| other.variant.is_comparable(&row.variant))
            .map(|other| row.rate.median / other.rate.median.max(1e-9))
    };
    let most = own(rows, pair)
        .filter(|row| row.standing == Standing::Winner)
        .filter_map(|row| Some((plain(row)?, row.variant)))
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    match most {
        None => String::new(),
        Some((times, variant)) => {
            let way = match variant.scenario {
                Scenario::Sink => "one way",
                Scenario::Echo => "there and back",
            };
            format!(" (at {} B {way}, {times:.1} times single)", variant.size)
        }
    }
}
