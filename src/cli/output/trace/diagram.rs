//! The sequence diagram of a trace, in text.

use std::net::SocketAddr;

use udpraw::language::Language;
use udpraw::trace::{Arrow, Delivery, Diagram};

use super::records::delivery;
use crate::cli::output::count;

/// Columns between two lifelines, and how many lifelines fit a line.
const WIDTH: usize = 44;
const MOST: usize = 4;
/// The column of the first lifeline.
const MARGIN: usize = 10;

/// Draws it: lifelines if they fit side by side in that width, otherwise one line per datagram. Empty if
/// nothing was sent.
pub(crate) fn draw(diagram: &Diagram, language: Language, width: usize) -> String {
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
    let columns = MARGIN + ends.len().saturating_sub(1) * WIDTH + MARGIN;
    if ends.len() <= MOST && columns <= width {
        side_by_side(&mut text, &ends, &arrows, language)
    } else {
        arrows.iter().for_each(|arrow| {
            text.push_str(&format!(
                "{} -> {}  {}: {}\n",
                arrow.from,
                arrow.to,
                label(arrow, language),
                word(arrow.delivery, language)
            ));
        })
    }
    let of = |wanted| {
        let some = arrows.iter().filter(|arrow| arrow.delivery == wanted);
        some.map(|arrow| arrow.datagrams as u64).sum::<u64>()
    };
    let all: u64 = arrows.iter().map(|arrow| arrow.datagrams as u64).sum();
    let received = of(Delivery::Received) + of(Delivery::Came);
    let [came, lost, refused, left] = [
        Delivery::Came,
        Delivery::Lost,
        Delivery::Refused,
        Delivery::Left,
    ]
    .map(of);
    text.push_str(&match (language, came) {
        (Language::English, 0) => format!(
            "{}: {received} received, {lost} lost, {refused} refused, {left} to programs not traced\n",
            count(all, "datagram", "datagrams"),
        ),
        (Language::English, _) => format!(
            "{}: {received} received ({came} from programs not traced), {lost} lost, {refused} refused, \
             {left} to programs not traced\n",
            count(all, "datagram", "datagrams"),
        ),
        (Language::Chinese, 0) => format!(
            "{all} 个数据报：收到 {received}，丢失 {lost}，被拒绝 {refused}，发往未跟踪的程序 {left}\n"
        ),
        (Language::Chinese, _) => format!(
            "{all} 个数据报：收到 {received}（其中来自未跟踪的程序 {came}），丢失 {lost}，\
             被拒绝 {refused}，发往未跟踪的程序 {left}\n"
        ),
    });
    if diagram.left_out() > 0 {
        let more = diagram.left_out();
        text.push_str(&match language {
            Language::English => format!("{more} more are not shown\n"),
            Language::Chinese => format!("另有 {more} 个没有显示\n"),
        });
    }
    text
}

/// Whether two addresses are one socket's: a wildcard stands for any address of the same port.
fn is_same(a: SocketAddr, b: SocketAddr) -> bool {
    let is_open = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && (a.ip() == b.ip() || is_open)
}

/// `38 bytes "The time is 2026"`.
fn label(arrow: &Arrow, language: Language) -> String {
    let start: String = arrow
        .start
        .iter()
        .take(12)
        .map(|byte| byte.escape_ascii().to_string())
        .collect();
    let dots = if arrow.bytes > 12 { "..." } else { "" };
    let bytes = arrow.bytes;
    match (language, arrow.datagrams) {
        (Language::English, 1) => {
            format!("{} \"{start}\"{dots}", count(bytes as u64, "byte", "bytes"))
        }
        (Language::English, many) => {
            format!("{many} datagrams, {bytes} bytes \"{start}\"{dots}")
        }
        (Language::Chinese, 1) => format!("{bytes} 字节 \"{start}\"{dots}"),
        (Language::Chinese, many) => {
            format!("{many} 个数据报 {bytes} 字节 \"{start}\"{dots}")
        }
    }
}

/// What became of a datagram, in words.
fn word(what: Delivery, language: Language) -> &'static str {
    match (language, what) {
        (Language::English, what) => delivery(what),
        (Language::Chinese, Delivery::Received) => "收到",
        (Language::Chinese, Delivery::Lost) => "丢失",
        (Language::Chinese, Delivery::Refused) => "被拒绝",
        (Language::Chinese, Delivery::Left) => "发出",
        (Language::Chinese, Delivery::Came) => "到来",
        (Language::Chinese, _) => "未知",
    }
}

fn side_by_side(text: &mut String, ends: &[SocketAddr], arrows: &[Arrow], language: Language) {
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
            Delivery::Received | Delivery::Came => label(arrow, language),
            other => format!("{} ({})", label(arrow, language), word(other, language)),
        };
        if from == to {
            let line: String = line.iter().collect();
            let itself = match language {
                Language::English => "to itself:",
                Language::Chinese => "发给自己：",
            };
            text.push_str(&format!("{}  {itself} {name}\n", line.trim_end()));
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
        // A character of two columns takes the place of two.
        let mut name: Vec<char> = format!(" {name} ").chars().flat_map(columns).collect();
        name.truncate(room - 6);
        let start = low + 3 + (room - 6 - name.len()) / 2;
        line[start..start + name.len()].copy_from_slice(&name);
        let line = line.iter().filter(|letter| **letter != FILLED);
        text.push_str(line.collect::<String>().trim_end());
        text.push('\n');
    }
}

/// Stands behind a character for its second column.
const FILLED: char = '\0';

/// A character, and what fills its second column, if it has one.
fn columns(letter: char) -> impl Iterator<Item = char> {
    let is_wide = textwrap::core::display_width(letter.encode_utf8(&mut [0; 4])) > 1;
    std::iter::once(letter).chain(is_wide.then_some(FILLED))
}
