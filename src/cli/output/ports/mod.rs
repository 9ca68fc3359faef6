//! Sockets and who holds them, as aligned lines and as records.

mod chinese;
mod delivery;
mod notes;
pub(super) mod records;
mod row;

use std::collections::HashMap;
use std::fmt::Write;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;

use udpraw::error::Result;
use udpraw::ports::{Change, Snapshot, Socket, Source, user_name};
use udpraw::services::{Protocol, Services, Text};

use self::row::{Row, Widths};
use super::options::width;
use super::{Output, metrics_url, style};

/// How much text is written at once.
const BLOCK: usize = 1 << 16;

/// Sockets, printed one look after the other.
pub(crate) struct Report<'a> {
    output: &'a mut Output,
    names: Names,
    widths: Widths,
    width: Option<usize>,
    /// Whether every process was seen, so that a socket without one has none.
    is_complete: bool,
}

impl<'a> Report<'a> {
    pub(crate) fn new(output: &'a mut Output) -> Self {
        Self {
            output,
            names: Names::load(),
            widths: Widths::default(),
            width: width(),
            is_complete: true,
        }
    }

    /// Where metrics are served, if anywhere.
    pub(crate) fn metrics_at(&mut self, address: Option<SocketAddr>) -> io::Result<()> {
        self.output.metrics_at(address);
        match address.map(metrics_url) {
            Some(openmetrics) if self.output.is_json() => {
                let record = records::ListeningRecord { openmetrics };
                self.output.record(&record)
            }
            _ => Ok(()),
        }
    }

    /// What limits the result as a whole.
    pub(crate) fn remarks(&mut self, snapshot: &Snapshot) {
        self.is_complete = snapshot.unseen.is_none();
        if let Source::Procfs(error) = &snapshot.source {
            self.output.note(format_args!(
                "{error}; /proc/net/udp is read instead, which reports neither the size of the \
                 receive buffer nor the interface"
            ));
        }
        let unknown = snapshot
            .sockets
            .iter()
            .filter(|socket| socket.owners.is_empty() && socket.inode != 0)
            .count();
        if let (1.., Some(unseen)) = (unknown, snapshot.unseen) {
            let unknown = super::count(unknown as u64, "socket", "sockets");
            let remedy = if unseen.is_for_root() {
                "; run it as root"
            } else {
                ""
            };
            self.output.note(format_args!(
                "the owner of {unknown} is unknown: {unseen}{remedy}"
            ));
        }
    }

    /// A port, or a range of them, that nothing holds.
    pub(crate) fn nobody(&mut self, ports: &[u16]) {
        match ports {
            [first, .., last] => self.output.note(format_args!(
                "nothing holds a UDP port from {first} to {last} here"
            )),
            [port] => self
                .output
                .note(format_args!("nothing holds UDP port {port} here")),
            [] => {}
        }
    }

    /// Every socket, and of each port with several who gets what.
    pub(crate) fn table(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let sockets = &snapshot.sockets;
        if self.output.is_json() {
            return self.records(sockets);
        }
        if sockets.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = sockets
            .iter()
            .map(|socket| Row::new(socket, &mut self.names, self.is_complete))
            .collect();
        for row in &rows {
            self.widths.widen(row);
        }
        let mut text = self.widths.heading("", self.width);
        for row in &rows {
            self.widths.line(&mut text, "", row, self.width);
            if text.len() >= BLOCK {
                self.output.text(&text)?;
                text.clear();
            }
        }
        delivery::write(&mut text, sockets, self.output.language());
        self.output.text(&text)
    }

    fn records(&mut self, sockets: &[Socket]) -> io::Result<()> {
        for group in sockets.chunk_by(|a, b| a.local.port() == b.local.port()) {
            let deliveries = records::deliveries(group);
            for (at, socket) in group.iter().enumerate() {
                let record = records::socket(socket, &mut self.names, None, deliveries.get(at));
                self.output.record(&record)?;
            }
        }
        Ok(())
    }

    /// One look of several: redrawn on a terminal; elsewhere all of the first, and then what
    /// changed.
    pub(crate) fn watched(
        &mut self,
        sockets: &[(Change, &Socket)],
        is_first: bool,
    ) -> io::Result<()> {
        let is_drawn = io::stdout().is_terminal() && !self.output.is_json();
        let shown = sockets
            .iter()
            .filter(|(change, _)| is_drawn || is_first || *change != Change::Same);
        if self.output.is_json() {
            for (change, socket) in shown {
                let record = records::socket(socket, &mut self.names, Some(*change), None);
                self.output.record(&record)?;
            }
            return Ok(());
        }
        let rows: Vec<_> = shown
            .map(|(change, socket)| {
                let row = Row::new(socket, &mut self.names, self.is_complete);
                (*change, row)
            })
            .collect();
        for (_, row) in &rows {
            self.widths.widen(row);
        }
        let mut text = String::new();
        if is_drawn || is_first {
            text = self.widths.heading("  ", self.width);
        }
        for (change, row) in &rows {
            let (mark, style) = mark(*change);
            let _ = write!(text, "{style}");
            self.widths.line(&mut text, mark, row, self.width);
            let _ = write!(text, "{style:#}");
        }
        if is_drawn {
            self.width = width();
            return self.output.redraw(&fitting(&text));
        }
        if text.is_empty() {
            Ok(())
        } else {
            self.output.text(&text)
        }
    }
}

/// How a line begins, and how it looks.
fn mark(change: Change) -> (&'static str, anstyle::Style) {
    match change {
        Change::Same => ("  ", anstyle::Style::new()),
        Change::New => ("+ ", style::STRONG),
        Change::Changed => ("* ", style::STRONG),
        Change::Gone => ("- ", style::FAINT),
    }
}

/// As many lines as the terminal has, so that the heading stays in sight.
fn fitting(text: &str) -> String {
    let height = terminal_size::terminal_size_of(io::stdout())
        .map_or(usize::MAX, |(_, height)| usize::from(height.0).max(3));
    let lines = text.lines().count();
    if lines < height {
        return text.to_owned();
    }
    let kept: Vec<_> = text.lines().take(height - 2).collect();
    format!(
        "{}\n... {} more lines\n",
        kept.join("\n"),
        lines - kept.len()
    )
}

/// Names of services and users, each asked for once.
pub(super) struct Names {
    services: HashMap<u16, String>,
    users: HashMap<u32, String>,
}

impl Names {
    fn load() -> Self {
        let mut services = HashMap::new();
        // Names are a courtesy: without them the numbers stand.
        if let Ok(table) = load_services() {
            for entry in table.entries() {
                if Protocol::Udp.includes(entry.protocol) {
                    let name = || Text::new(entry.name.as_bytes()).to_string();
                    services.entry(entry.port).or_insert_with(name);
                }
            }
        }
        Self {
            services,
            users: HashMap::new(),
        }
    }

    /// The service of a port, escaped.
    fn service(&self, port: u16) -> Option<&str> {
        self.services.get(&port).map(String::as_str)
    }

    /// A user's name, or the number; escaped.
    fn user(&mut self, uid: u32) -> &str {
        self.users
            .entry(uid)
            .or_insert_with(|| match user_name(uid) {
                Some(name) => name.escape_debug().to_string(),
                None => uid.to_string(),
            })
    }
}

fn load_services() -> Result<Services> {
    Services::load(None)
}
