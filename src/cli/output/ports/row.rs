//! A socket as a line of aligned columns.

use std::fmt::Write;

use udpraw::ports::Socket;
use udpraw::services::Text;

use super::{Names, notes};
use crate::cli::output::style;

/// The columns but the last, the notes; those that are numbers stand to the right.
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

/// What stands in the columns.
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
        let process = owner.map_or_else(
            || unknown.to_owned(),
            |owner| Text::new(&owner.process.name).to_string(),
        );
        let cells = [
            socket.local.to_string(),
            socket.remote.map_or_else(none, |remote| remote.to_string()),
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
        // Without room beside, the notes have no column.
        let first = text.lines().next().unwrap_or_default();
        let strong = style::STRONG;
        format!("{strong}{}{strong:#}\n", first.trim_end())
    }

    /// A socket. Where the room is not enough, the notes stand beneath.
    pub(super) fn line(&self, text: &mut String, lead: &str, row: &Row, room: Option<usize>) {
        text.push_str(lead);
        let mut used = length(lead);
        for ((cell, width), (_, is_number)) in row.cells.iter().zip(self.0).zip(COLUMNS) {
            let fill = width.saturating_sub(length(cell));
            used += width.max(length(cell)) + 2;
            // Writing to a String cannot fail.
            let _ = match is_number {
                true => write!(text, "{:fill$}{cell}  ", ""),
                false => write!(text, "{cell}{:fill$}  ", ""),
            };
        }
        let is_beside = room.is_none_or(|room| used + length(&row.notes) <= room);
        if row.notes.is_empty() || !is_beside {
            text.truncate(text.trim_end().len());
        }
        match (row.notes.is_empty(), is_beside) {
            (true, _) => text.push('\n'),
            (false, true) => {
                let _ = writeln!(text, "{}", row.notes);
            }
            (false, false) => {
                let _ = writeln!(text, "\n{:lead$}    {}", "", row.notes, lead = lead.len());
            }
        }
    }
}

/// How many columns a cell takes: its text is escaped, and mostly ASCII.
fn length(text: &str) -> usize {
    match text.is_ascii() {
        true => text.len(),
        false => text.chars().count(),
    }
}
