//! The pictures of the screen, of characters that do not need a colour to be told apart.

use hdrhistogram::Histogram;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::super::table::{per_second, percent, time};
use super::state::{Point, State};

const PLAIN: Style = Style::new();
const FAINT: Style = Style::new().add_modifier(Modifier::DIM);

/// The width of the labels of an axis.
const LABEL: u16 = 11;

/// A bar's last cell, in eighths.
const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const EIGHTHS_ACROSS: [&str; 9] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"];

/// The area right of the labels.
fn canvas(area: Rect) -> Rect {
    let label = LABEL.min(area.width);
    Rect {
        x: area.x + label,
        width: area.width - label,
        ..area
    }
}

/// Labels a row of the axis.
fn label(buffer: &mut Buffer, area: Rect, row: u16, text: &str) {
    if row < area.height {
        let text = format!("{text:>9}");
        let width = usize::from(LABEL.min(area.width));
        buffer.set_stringn(area.x, area.y + row, text, width, FAINT);
    }
}

/// The last points that fit, with their columns: the newest one is at the right edge.
fn columns(state: &State, canvas: Rect) -> impl Iterator<Item = (u16, &Point)> {
    let skipped = state.points.len().saturating_sub(canvas.width.into());
    (canvas.x..).zip(state.points.iter().skip(skipped))
}

/// Latency over time, on a logarithmic axis.
pub(super) fn latency(state: &State, area: Rect, buffer: &mut Buffer) {
    let canvas = canvas(area);
    let shown = || columns(state, canvas).filter_map(|(x, point)| Some((x, point.latency?)));
    let (mut low, mut high) = (u64::MAX, 0);
    for (_, [p50, _, most]) in shown() {
        (low, high) = (low.min(p50), high.max(most));
    }
    if low > high || canvas.height == 0 {
        return;
    }
    // At least from half to twice the value, so that a quiet path is no zigzag.
    let (bottom, top) = (
        (low as f64 / 2.0).max(1.0).log10(),
        (high as f64 * 2.0).log10(),
    );
    let rows = f64::from(canvas.height);
    let row = |nanos: u64| {
        let part = ((nanos.max(1) as f64).log10() - bottom) / (top - bottom);
        canvas.height - 1 - ((part * rows) as u16).min(canvas.height - 1)
    };
    for at in [0, canvas.height / 2, canvas.height - 1] {
        let part = (f64::from(canvas.height - 1 - at) + 0.5) / rows;
        let nanos = 10_f64.powf(bottom + part * (top - bottom));
        label(buffer, area, at, &time(nanos as u64));
    }
    for (x, [p50, p99, most]) in shown() {
        let mut set = |row: u16, symbol: &str, colour: Color| {
            buffer.set_string(x, canvas.y + row, symbol, PLAIN.fg(colour));
        };
        set(row(most), ".", Color::Red);
        for between in row(p99)..row(p50) {
            set(between, "|", Color::Yellow);
        }
        set(row(p50), "|", Color::Green);
    }
}

/// The rate reached as bars, and the one asked for as a line above what is missing.
pub(super) fn rates(state: &State, area: Rect, buffer: &mut Buffer) {
    let canvas = canvas(area);
    let shown = || columns(state, canvas);
    let highest = shown().map(|(_, point)| point.rate.max(point.asked));
    let highest = highest.fold(0.0, f64::max);
    if highest <= 0.0 || canvas.height == 0 {
        return;
    }
    label(buffer, area, 0, &per_second(highest));
    label(buffer, area, canvas.height - 1, "0");
    let eighths = |rate: f64| (rate / highest * f64::from(canvas.height) * 8.0).round() as u16;
    for (x, point) in shown() {
        let (reached, asked) = (eighths(point.rate), eighths(point.asked));
        for row in 0..canvas.height {
            let filled = reached.saturating_sub(8 * row).min(8);
            let y = canvas.y + canvas.height - 1 - row;
            // Where the line is, unless the bar reaches it.
            let is_line = asked.div_ceil(8) == row + 1 && filled == 0;
            if is_line {
                buffer.set_string(x, y, "-", PLAIN.fg(Color::Yellow));
            } else {
                let symbol = EIGHTHS[usize::from(filled)];
                buffer.set_string(x, y, symbol, PLAIN.fg(Color::Cyan));
            }
        }
    }
}

/// How the latencies are distributed: a row for each part of a logarithmic axis.
pub(super) fn distribution(all: &Histogram<u64>, area: Rect, buffer: &mut Buffer) {
    let canvas = canvas(area);
    let rows = usize::from(canvas.height);
    if all.is_empty() || rows == 0 || canvas.width < 10 {
        return;
    }
    let low = (all.min().max(1) as f64).log10();
    let high = (all.max() as f64 * 1.001).log10();
    let step = ((high - low) / rows as f64).max(1e-9);
    let mut counts = vec![0_u64; rows];
    for value in all.iter_recorded() {
        let at = ((value.value_iterated_to().max(1) as f64).log10() - low) / step;
        counts[(at as usize).min(rows - 1)] += value.count_at_value();
    }
    let most = counts.iter().copied().max().unwrap_or_default().max(1);
    let width = f64::from(canvas.width.saturating_sub(9));
    for (row, number) in (0..).zip(counts) {
        let from = 10_f64.powf(low + step * f64::from(row));
        label(buffer, area, row, &time(from as u64));
        if number == 0 {
            continue;
        }
        // What there is is seen.
        let eighths = (number as f64 / most as f64 * width * 8.0).max(1.0) as usize;
        let bar = "█".repeat(eighths / 8) + EIGHTHS_ACROSS[eighths % 8];
        let y = canvas.y + row;
        let (x, _) =
            buffer.set_stringn(canvas.x, y, bar, canvas.width.into(), PLAIN.fg(Color::Cyan));
        let part = format!(" {}", percent(number as f64 / all.len() as f64));
        let left = usize::from((canvas.x + canvas.width).saturating_sub(x));
        buffer.set_stringn(x, y, part, left, FAINT);
    }
}
