//! What the screen looks like: a plain function of the state.

use std::time::Duration;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::{Block, Widget as _};

use super::super::table::{percent, time};
use super::plot;
use super::state::{State, Tally};

/// The smallest terminal with something to see.
const SMALLEST: (u16, u16) = (40, 10);

/// The smallest one with pictures.
const PICTURES: (u16, u16) = (76, 20);

const PLAIN: Style = Style::new();
const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);
const FAINT: Style = Style::new().add_modifier(Modifier::DIM);

/// Draws all of it.
pub(super) fn draw(state: &State, elapsed: Duration, frame: &mut Frame<'_>) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    let (width, height) = SMALLEST;
    if area.width < width || area.height < height {
        let text = format!("too small: {width}x{height} at least (q ends)");
        return put(buffer, area, 0, &text, STRONG);
    }
    let (width, height) = PICTURES;
    let has_pictures = area.width >= width && area.height >= height;
    let [head, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(area);
    self::head(state, elapsed, head, buffer);
    if has_pictures {
        pictures(state, body, buffer);
    } else {
        lines(state, body, buffer);
    }
    let keys = match (state.is_ending, has_pictures) {
        (true, _) => "ends: waits for the last answers",
        (false, true) => "q or Ctrl-C ends it and prints the result; Ctrl-Z stops it",
        (false, false) => "q ends it and prints the result",
    };
    put(buffer, foot, 0, keys, FAINT);
}

/// Writes a line of an area, as far as there is room.
fn put(buffer: &mut Buffer, area: Rect, row: u16, text: &str, style: Style) {
    if row < area.height {
        buffer.set_stringn(area.x, area.y + row, text, area.width.into(), style);
    }
}

/// The same at the right edge.
fn put_right(buffer: &mut Buffer, area: Rect, row: u16, text: &str, style: Style) {
    let length = u16::try_from(text.chars().count()).unwrap_or(u16::MAX);
    let x = area.width.saturating_sub(length);
    let rest = Rect {
        x: area.x + x,
        width: area.width - x,
        ..area
    };
    put(buffer, rest, row, text, style);
}

/// What runs, and how far it is.
fn head(state: &State, elapsed: Duration, area: Rect, buffer: &mut Buffer) {
    let now = span(elapsed);
    let clock = match state.planned {
        Some(planned) => format!(" {now} of {}", span(planned)),
        None => format!(" {now}"),
    };
    put(buffer, area, 0, &state.title, STRONG);
    put_right(buffer, area, 0, &clock, PLAIN);
}

/// A time of a run: `7 s`, `3:07`, `26:03:07`.
fn span(time: Duration) -> String {
    let all = time.as_secs();
    let (hours, minutes, seconds) = (all / 3600, all / 60 % 60, all % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Without pictures.
fn lines(state: &State, area: Rect, buffer: &mut Buffer) {
    put(buffer, area, 0, &format!("rate  {}", state.rates()), PLAIN);
    let mut row = 1;
    for (name, latency) in ["last", "all"].into_iter().zip(state.latency) {
        if let Some([p50, _, p99, _, most]) = latency {
            let [p50, p99, most] = [p50, p99, most].map(time);
            let text = format!("{name:<4} p50 {p50} p99 {p99} max {most}");
            put(buffer, area, row, &text, PLAIN);
            row += 1;
        }
    }
    for tally in &state.tallies {
        let text = format!("{:<10}  lost {}, {}", tally.name, tally.lost(), loss(tally));
        put(buffer, area, row, &text, warned(tally));
        row += 1;
    }
    let left = area.height.saturating_sub(row);
    events(
        state,
        Rect {
            y: area.y + row.min(area.height),
            height: left,
            ..area
        },
        buffer,
    );
}

/// The loss of the whole.
fn loss(tally: &Tally) -> String {
    percent(tally.lost() as f64 / tally.sent.max(1) as f64)
}

/// Red, if something was lost in the last interval.
fn warned(tally: &Tally) -> Style {
    match tally.lost_now {
        0 => PLAIN,
        _ => PLAIN.fg(Color::Red),
    }
}

fn pictures(state: &State, area: Rect, buffer: &mut Buffer) {
    let streams = 1 + u16::try_from(state.tallies.len().max(1)).unwrap_or(3);
    let [times, tallies, upper, lower] = Layout::vertical([
        Constraint::Length(3),
        Constraint::Length(streams),
        Constraint::Fill(3),
        Constraint::Fill(2),
    ])
    .areas(area);
    let halves = [Constraint::Fill(3), Constraint::Fill(2)];
    self::times(state, times, buffer);
    self::tallies(state, tallies, buffer);
    let [left, right] = Layout::horizontal(halves).areas(upper);
    let name = if state.is_open {
        "latency from when due: p50 to p99 |, max ."
    } else {
        "round trip: p50 to p99 |, max ."
    };
    plot::latency(state, framed(name, left, buffer), buffer);
    plot::distribution(&state.whole, framed("all latencies", right, buffer), buffer);
    let [left, right] = Layout::horizontal(halves).areas(lower);
    let name = format!("rate: {}", state.rates());
    plot::rates(state, framed(&name, left, buffer), buffer);
    events(state, framed("events", right, buffer), buffer);
}

/// The frame of a picture; what is within.
fn framed(name: &str, area: Rect, buffer: &mut Buffer) -> Rect {
    let block = Block::bordered().border_style(FAINT);
    let inner = block.inner(area);
    block.render(area, buffer);
    if area.width > 4 {
        let (x, width) = (area.x + 2, usize::from(area.width - 4));
        buffer.set_stringn(x, area.y, name, width, PLAIN);
    }
    inner
}

/// The percentiles of the last interval and of all.
fn times(state: &State, area: Rect, buffer: &mut Buffer) {
    let heads = ["p50", "p90", "p99", "p99.9", "max"];
    let head: String = heads.iter().map(|head| format!("{head:>10}")).collect();
    put(buffer, area, 0, &format!("{:<14}{head}", ""), FAINT);
    for ((row, name), latency) in (1..).zip(["last interval", "all"]).zip(state.latency) {
        let cells: String = match latency {
            Some(latency) => latency
                .iter()
                .map(|nanos| format!("{:>10}", time(*nanos)))
                .collect(),
            None => format!("{:>10}", "-").repeat(heads.len()),
        };
        put(buffer, area, row, &format!("{name:<14}{cells}"), PLAIN);
    }
}

/// The datagrams by direction.
fn tallies(state: &State, area: Rect, buffer: &mut Buffer) {
    let head = format!(
        "{:<14}{:>10}{:>10}{:>10}{:>10}{:>10}{:>12}",
        "", "sent", "arrived", "lost", "", "copies", "reordered"
    );
    put(buffer, area, 0, &head, FAINT);
    for (row, tally) in (1..).zip(&state.tallies) {
        let text = format!(
            "{:<14}{:>10}{:>10}{:>10}{:>10}{:>10}{:>12}",
            tally.name,
            tally.sent,
            tally.arrived,
            tally.lost(),
            loss(tally),
            tally.copies,
            tally.reordered
        );
        put(buffer, area, row, &text, warned(tally));
    }
}

/// The last events, as many as there is room for.
fn events(state: &State, area: Rect, buffer: &mut Buffer) {
    let skipped = state.events.len().saturating_sub(area.height.into());
    for (row, (at, text)) in (0..).zip(state.events.iter().skip(skipped)) {
        put(
            buffer,
            area,
            row,
            &format!("{:>5} {text}", span(*at)),
            PLAIN,
        );
    }
}

#[cfg(test)]
#[path = "draw_tests.rs"]
mod tests;
