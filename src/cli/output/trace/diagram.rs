//! The sequence diagram of a trace, in text.

use std::net::SocketAddr;

use udpraw::trace::{Arrow, Delivery, Diagram};

use super::records::delivery;
use crate::cli::output::count;

/// Columns between two lifelines, and how many lifelines fit a line.
const WIDTH: usize = 44;
const MOST: usize = 4;
/// The column of the first lifeline.
const MARGIN: usize = 10;

/// Draws it: lifelines if they fit side by side, otherwise one line per datagram. Empty if nothing was sent.
pub(super) fn draw(diagram: &Diagram) -> String {
    let arrows: Vec<Arrow> = diagram.arrows().collect();
    let mut ends: Vec<SocketAddr> = Vec::new();
    for end in arrows.iter().flat_map(|arrow| [arrow.from, arrow.to]) {
        match ends.iter_mut().find(|known| is_same(**known, end)) {
            Some(known) if known.ip().is_unspecified() => *known = end,
            Some(_) => {}
            None => ends.push(end),
        }
    }
    if arrows.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n");
    if ends.len() <= MOST {
        side_by_side(&mut text, &ends, &arrows)
    } else {
        arrows.iter().for_each(|arrow| {
            text.push_str(&format!(
                "{} -> {}  {}: {}\n",
                arrow.from,
                arrow.to,
                label(arrow),
                delivery(arrow.delivery)
            ));
        })
    }
    let of = |wanted| {
        let some = arrows.iter().filter(|arrow| arrow.delivery == wanted);
        some.map(|arrow| arrow.datagrams as u64).sum::<u64>()
    };
    let all: u64 = arrows.iter().map(|arrow| arrow.datagrams as u64).sum();
    let foreign = match of(Delivery::Came) {
        0 => String::new(),
        came => format!(" ({came} from programs not traced)"),
    };
    text.push_str(&format!(
        "{}: {} received{foreign}, {} lost, {} refused, {} to programs not traced\n",
        count(all, "datagram", "datagrams"),
        of(Delivery::Received) + of(Delivery::Came),
        of(Delivery::Lost),
        of(Delivery::Refused),
        of(Delivery::Left),
    ));
    if diagram.left_out() > 0 {
        text.push_str(&format!("{} more are not shown\n", diagram.left_out()));
    }
    text
}

/// Whether two addresses are one socket's: a wildcard stands for any address of the same port.
fn is_same(a: SocketAddr, b: SocketAddr) -> bool {
    let is_open = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && (a.ip() == b.ip() || is_open)
}

/// `38 bytes "The time is 2026"`.
fn label(arrow: &Arrow) -> String {
    let start: String = arrow
        .start
        .iter()
        .take(12)
        .map(|byte| byte.escape_ascii().to_string())
        .collect();
    let dots = if arrow.bytes > 12 { "..." } else { "" };
    let bytes = match arrow.datagrams {
        1 => count(arrow.bytes as u64, "byte", "bytes"),
        many => format!("{many} datagrams, {} bytes", arrow.bytes),
    };
    format!("{bytes} \"{start}\"{dots}")
}

fn side_by_side(text: &mut String, ends: &[SocketAddr], arrows: &[Arrow]) {
    let mut heading = String::new();
    for (at, end) in ends.iter().enumerate() {
        let name = end.to_string();
        let start = (MARGIN + at * WIDTH).saturating_sub(name.len() / 2);
        heading.push_str(&" ".repeat(start.saturating_sub(heading.len())));
        heading.push_str(&name);
        heading.push(' ');
    }
    text.push_str(heading.trim_end());
    text.push('\n');
    for arrow in arrows {
        let column = |end| {
            ends.iter()
                .position(|known| is_same(*known, end))
                .unwrap_or(0)
        };
        let (from, to) = (column(arrow.from), column(arrow.to));
        let mut line: Vec<char> = vec![' '; MARGIN + (ends.len() - 1) * WIDTH + 1];
        for at in 0..ends.len() {
            line[MARGIN + at * WIDTH] = '│';
        }
        let name = match arrow.delivery {
            Delivery::Received | Delivery::Came => label(arrow),
            other => format!("{} ({})", label(arrow), delivery(other)),
        };
        if from == to {
            let line: String = line.iter().collect();
            text.push_str(&format!("{}  to itself: {name}\n", line.trim_end()));
            continue;
        }
        let (low, high) = (
            MARGIN + from.min(to) * WIDTH + 1,
            MARGIN + from.max(to) * WIDTH,
        );
        line[low..high].fill('─');
        let is_whole = matches!(
            arrow.delivery,
            Delivery::Received | Delivery::Came | Delivery::Left
        );
        match (from < to, is_whole) {
            (true, true) => line[high - 1] = '▶',
            (false, true) => line[low] = '◀',
            (true, false) => line[high - 3] = '✗',
            (false, false) => line[low + 2] = '✗',
        }
        let room = high - low;
        let name: Vec<char> = format!(" {name} ").chars().take(room - 6).collect();
        let start = low + 3 + (room - 6 - name.len()) / 2;
        line[start..start + name.len()].copy_from_slice(&name);
        text.push_str(line.iter().collect::<String>().trim_end());
        text.push('\n');
    }
}
