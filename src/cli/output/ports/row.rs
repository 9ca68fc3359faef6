//! A socket as a line of aligned columns.

use std::fmt::Write;

use udpraw::ports::Socket;
use udpraw::socket::Shown;

use super::{Names, notes};
use crate::cli::output::style;

/// The columns but the last, the notes; numbers are right-aligned.
const COLUMNS: [(&str, bool); 10] = [
    ("local", false),
    ("remote", false),
    ("service", false),
    ("process", false),
    ("pid", true),
    ("fd", true),
    ("user", false),
    ("waiting", true),
    ("of", true),
    ("drops", true),
];

/// The columns that a narrow terminal has no room for, and the word before each in the notes.
const SPARED: [(usize, &str); 3] = [(2, "service "), (6, "user "), (8, "of ")];

/// The text of each column.
pub(super) struct Row {
    cells: [String; COLUMNS.len()],
    notes: String,
}

impl Row {
    pub(super) fn new(socket: &Socket, names: &mut Names, is_complete: bool) -> Self {
        let none = || "-".to_owned();
        let owner = socket.owners.first();
        let unknown = if is_complete || socket.inode == 0 {
            "-"
        } else {
            "unknown"
        };
        let process = owner.map_or_else(|| unknown.to_owned(), |owner| owner.process.to_string());
        let cells = [
            Shown(socket.local).to_string(),
            socket
                .remote
                .map_or_else(none, |remote| Shown(remote).to_string()),
            names
                .service(socket.local.port())
                .map_or_else(none, str::to_owned),
            process,
            owner.map_or_else(none, |owner| owner.process.pid.to_string()),
            owner.map_or_else(none, |owner| owner.fd.to_string()),
            names.user(socket.uid).to_owned(),
            socket.waiting.to_string(),
            socket.capacity.map_or_else(none, |bytes| bytes.to_string()),
            socket.drops.to_string(),
        ];
        Self {
            cells,
            notes: notes::text(socket, is_complete),
        }
    }
}

/// The widths of the columns, which never shrink.
pub(super) struct Widths([usize; COLUMNS.len()]);

impl Default for Widths {
    fn default() -> Self {
        Self(COLUMNS.map(|(name, _)| name.len()))
    }
}

impl Widths {
    pub(super) fn widen(&mut self, row: &Row) {
        for (width, cell) in self.0.iter_mut().zip(&row.cells) {
            *width = (*width).max(length(cell));
        }
    }

    /// The names of the columns.
    pub(super) fn heading(&self, lead: &str, room: Option<usize>) -> String {
        let row = Row {
            cells: COLUMNS.map(|(name, _)| name.to_owned()),
            notes: "notes".to_owned(),
        };
        let mut text = String::new();
        self.line(&mut text, lead, &row, room);
        // Without room in the line, the notes have no column.
        let first = text.lines().next().unwrap_or_default();
        let strong = style::STRONG;
        format!("{strong}{}{strong:#}\n", first.trim_end())
    }

    /// A socket. On a narrow terminal the notes are in the next line, with the columns that can be
    /// spared.
    pub(super) fn line(&self, text: &mut String, lead: &str, row: &Row, room: Option<usize>) {
        text.push_str(lead);
        let mut used = length(lead);
        let all = used + self.0.iter().map(|width| width + 2).sum::<usize>() - 2;
        let is_narrow = room.is_some_and(|room| room < all);
        let is_spared = |at| is_narrow && SPARED.iter().any(|(spared, _)| *spared == at);
        let spared = SPARED.iter().filter(|_| is_narrow);
        let spared = spared.filter(|(at, _)| row.cells[*at] != "-");
        let mut notes: Vec<_> = spared
            .map(|(at, before)| format!("{before}{}", row.cells[*at]))
            .collect();
        notes.extend((!row.notes.is_empty()).then(|| row.notes.clone()));
        let notes = notes.join(", ");
        let columns = row.cells.iter().zip(self.0).zip(COLUMNS).enumerate();
        for (_, ((cell, width), (_, is_number))) in columns.filter(|(at, _)| !is_spared(*at)) {
            let fill = width.saturating_sub(length(cell));
            used += width.max(length(cell)) + 2;
            // Writing to a String cannot fail.
            let _ = if is_number {
                write!(text, "{:fill$}{cell}  ", "")
            } else {
                write!(text, "{cell}{:fill$}  ", "")
            };
        }
        let is_beside = room.is_none_or(|room| used + length(&notes) <= room);
        if notes.is_empty() || !is_beside {
            text.truncate(text.trim_end().len());
        }
        match (notes.is_empty(), is_beside) {
            (true, _) => text.push('\n'),
            (false, true) => {
                let _ = writeln!(text, "{}", notes);
            }
            (false, false) => {
                let _ = writeln!(text, "\n{:lead$}    {}", "", notes, lead = lead.len());
            }
        }
    }
}

/// How many columns a cell takes: its text is escaped, and mostly ASCII.
fn length(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_loses_nothing() {
        let row = Row {
            cells: [
                "127.0.0.1:53",
                "-",
                "domain",
                "named",
                "7",
                "9",
                "bind",
                "0",
                "212992",
                "0",
            ]
            .map(str::to_owned),
            notes: "reuseport".to_owned(),
        };
        let mut widths = Widths::default();
        widths.widen(&row);
        let line = |room| {
            let mut text = String::new();
            widths.line(&mut text, "+ ", &row, room);
            text
        };
        assert_eq!(line(None).lines().count(), 1);
        let narrow = line(Some(72));
        assert!(narrow.lines().all(|line| line.len() <= 72), "{narrow}");
        let second = "      service domain, user bind, of 212992, reuseport";
        assert_eq!(narrow.lines().nth(1), Some(second));
        let heading = widths.heading("+ ", Some(72));
        assert!(!heading.contains("service") && !heading.contains("notes"));
    }
}
