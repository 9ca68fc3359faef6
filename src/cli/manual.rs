//! The man pages: clap's text of each command, its examples, exit status, environment and files.

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::args::Arguments;
use super::help::{Block, blocks, command_and_remark};

/// A page.
pub(super) struct Page {
    /// As in `udpraw-server.1`.
    pub(super) name: String,
    /// roff(7), as man(1) reads it.
    pub(super) text: Vec<u8>,
}

/// A page for each command, the main one first.
pub(super) fn pages() -> Vec<Page> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let mut found = Vec::new();
    collect(&command, &mut found);
    found
}

fn collect(command: &Command, found: &mut Vec<Page>) {
    found.push(page(command));
    for inner in command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
    {
        collect(inner, found);
    }
}

fn page(command: &Command) -> Page {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let man = Man::new(command.clone())
        .title(name.to_uppercase())
        .source(concat!("udpraw ", env!("CARGO_PKG_VERSION")))
        .manual("udpraw");
    let mut text = Vec::new();
    // A vector takes everything.
    let _ = man.render_title(&mut text);
    let _ = man.render_name_section(&mut text);
    let _ = man.render_synopsis_section(&mut text);
    let _ = man.render_description_section(&mut text);
    let _ = man.render_options_section(&mut text);
    if command.has_subcommands() {
        let _ = man.render_subcommands_section(&mut text);
    }
    let _ = rest(command, name).to_writer(&mut text);
    Page {
        name: format!("{name}.1"),
        text,
    }
}

/// What stands behind the options.
fn rest(command: &Command, name: &str) -> Roff {
    let after = command.get_after_help().map(ToString::to_string);
    let mut examples = Roff::new();
    let mut notes = Roff::new();
    let mut status = "0 on success, 1 for a negative result, 2 on an error.".to_owned();
    let mut has_notes = false;
    for block in blocks(after.as_deref().unwrap_or_default()) {
        match block {
            Block::Example(line, below) => {
                let (command, remark) = command_and_remark(line, below);
                examples.control("TP", []);
                examples.text([bold(command)]);
                examples.text([roman(remark)]);
            }
            Block::Paragraph(text) if text.is_empty() || text == "Examples:" => {}
            Block::Paragraph(text) => match text.strip_prefix("Exit status: ") {
                Some(codes) => codes.clone_into(&mut status),
                None => {
                    has_notes = true;
                    notes.control("PP", []);
                    notes.text([roman(text)]);
                }
            },
        }
    }
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    if after.is_none() {
        let line = format!("{} --help", command.get_bin_name().unwrap_or(name));
        examples.text([bold(line)]);
    }
    roff.extend([examples]);
    if has_notes {
        roff.control("SH", ["NOTES"]);
        roff.extend([notes]);
    }
    roff.control("SH", ["EXIT STATUS"]);
    roff.text([roman(status)]);
    let word = name.split('-').nth(1).unwrap_or_default();
    entries(&mut roff, "ENVIRONMENT", &environment(word));
    entries(&mut roff, "FILES", &files(word));
    see_also(&mut roff, command, name);
    roff
}

fn entries(roff: &mut Roff, heading: &str, entries: &[(&str, &str)]) {
    roff.control("SH", [heading]);
    for (name, meaning) in entries {
        roff.control("TP", []);
        roff.text([bold(*name)]);
        roff.text([roman(*meaning)]);
    }
}

/// What a command reads of its environment.
fn environment(command: &str) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    if matches!(command, "" | "server" | "client") {
        found.push(("UDPRAW_HOST", "The host that server binds and client asks."));
        found.push(("UDPRAW_PORT", "The port of both."));
    }
    if matches!(command, "" | "server" | "relay" | "recv") {
        found.push((
            "LISTEN_FDS, LISTEN_PID",
            "Bound sockets that a service manager passes from file descriptor 3 on \
             (sd_listen_fds(3)): they are used, and nothing is bound.",
        ));
        found.push((
            "NOTIFY_SOCKET",
            "Where READY=1 is sent once datagrams can be received (sd_notify(3)).",
        ));
    }
    found.push(("NO_COLOR", "Set to anything: no colours."));
    found.push((
        "CLICOLOR_FORCE",
        "Set to anything but 0: colours into pipes and files as well.",
    ));
    found
}

/// The files that a command reads or writes unasked.
fn files(command: &str) -> Vec<(&'static str, &'static str)> {
    const SERVICES: (&str, &str) = (
        "/etc/services, /usr/etc/services",
        "Names and numbers of ports; without them a built-in table serves (services(5)).",
    );
    const NAMES: (&str, &str) = (
        "/etc/hosts, /etc/resolv.conf",
        "Names of hosts, by the system's resolver (getaddrinfo(3)).",
    );
    match command {
        "options" => vec![(
            "/proc/sys/net/core/rmem_max, /proc/sys/net/core/wmem_max",
            "The limits of SO_RCVBUF and SO_SNDBUF (socket(7)).",
        )],
        "ports" => vec![
            SERVICES,
            (
                "/proc/net/udp, /proc/net/udp6",
                "Sockets, where sock_diag(7) is not to be had.",
            ),
            (
                "/proc/PID/fd",
                "Which process holds which socket (proc(5)).",
            ),
        ],
        "recv" => vec![
            SERVICES,
            NAMES,
            (
                "FILE.part",
                "What has been received of FILE, until it is whole.",
            ),
        ],
        "services" => vec![SERVICES],
        "trace" => vec![(
            "/proc/PID",
            "The traced processes, their threads and descriptors (proc(5)).",
        )],
        "completions" | "man" => vec![(
            "/usr/share/man/man1, /usr/share/bash-completion/completions",
            "Where a package puts what this command prints.",
        )],
        _ => vec![SERVICES, NAMES],
    }
}

fn see_also(roff: &mut Roff, command: &Command, name: &str) {
    roff.control("SH", ["SEE ALSO"]);
    let mut pages = Vec::new();
    if let Some((above, _)) = name.rsplit_once('-') {
        pages.push((above.to_owned(), 1));
    }
    for inner in command.get_subcommands() {
        let inner = inner.get_display_name().unwrap_or(inner.get_name());
        pages.push((inner.to_owned(), 1));
    }
    pages.push(("udp".into(), 7));
    pages.push(("socket".into(), 7));
    let last = pages.len() - 1;
    let text = pages
        .into_iter()
        .enumerate()
        .flat_map(|(at, (page, section))| {
            let comma = if at == last { "" } else { ", " };
            [bold(page), roman(format!("({section}){comma}"))]
        });
    roff.text(text.collect::<Vec<_>>());
}
