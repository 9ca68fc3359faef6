//! The command line, one file per subcommand: text in, the library's plain configs out.

pub(crate) mod address;
pub(crate) mod bench;
pub(crate) mod client;
pub(crate) mod code;
pub(crate) mod color;
pub(crate) mod completions;
pub(crate) mod endpoint;
pub(crate) mod hex;
pub(crate) mod language;
pub(crate) mod learn;
pub(crate) mod load;
pub(crate) mod man;
pub(crate) mod mtu;
pub(crate) mod options;
pub(crate) mod ports;
pub(crate) mod probe;
pub(crate) mod recv;
pub(crate) mod relay;
pub(crate) mod report;
pub(crate) mod send;
pub(crate) mod server;
pub(crate) mod services;
pub(crate) mod socket;
pub(crate) mod tour;
pub(crate) mod trace;

use clap::{CommandFactory, Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  udpraw tour                      watch an exchange and its system calls
  udpraw server                    start a server at 127.0.0.1:1060
  udpraw client                    send it a datagram, from another terminal
  udpraw probe 192.0.2.1 domain    does a name server answer there?
  udpraw ports 53                  which process holds port 53?

Exit status: 0 success, 1 negative result, 2 error. For the details of a \
command: udpraw COMMAND --help";

/// What build.rs found out.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit: ",
    env!("UDPRAW_COMMIT"),
    "\nfeatures: ",
    env!("UDPRAW_FEATURES"),
    "\ntarget: ",
    env!("UDPRAW_TARGET"),
);

/// A UDP toolbox for Linux: send and receive, inspect, stress-test and trace UDP, down to the system call
#[derive(Debug, Parser)]
#[command(
    after_help = EXAMPLES,
    version,
    long_version = LONG_VERSION,
    max_term_width = 100,
    arg_required_else_help = true,
    propagate_version = true,
    args_override_self = true
)]
pub(crate) struct Arguments {
    /// Print one JSON object per line (NDJSON) on standard output
    #[arg(long, global = true, short_alias = 'J', display_order = 900)]
    pub(crate) json: bool,

    /// When to use colour
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        display_order = 901
    )]
    pub(crate) color: color::Color,

    /// Accepted and ignored: nc, ss and iperf3 need it
    #[arg(short = 'u', long = "udp", global = true, hide = true)]
    udp: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The command to run.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Receive datagrams and answer them: the textbook's server
    Server(server::ServerArguments),
    /// Send a datagram and wait for the reply: the textbook's client
    Client(client::ClientArguments),
    /// Send a file or a pipe to `udpraw recv`, complete and in order
    Send(send::SendArguments),
    /// Receive what `udpraw send` sends, into files or a pipe
    Recv(recv::RecvArguments),
    /// Look up names and numbers of ports
    Services(services::ServicesArguments),
    /// List, explain and try the socket options of UDP
    Options(options::OptionsArguments),
    /// Show who holds which UDP port
    Ports(ports::PortsArguments),
    /// Find out whether anything listens at a port
    Probe(probe::ProbeArguments),
    /// Find the largest datagram that reaches a host
    Mtu(mtu::MtuArguments),
    /// Find the fastest way to move datagrams on this machine
    Bench(bench::BenchArguments),
    /// Put a load on a server or a path, and measure latency, loss and order
    Load(load::LoadArguments),
    /// Merge, compare and draw what loads measured
    Report(report::ReportArguments),
    /// Put a bad network between two UDP programs
    Relay(relay::RelayArguments),
    /// Learn UDP: every statement happens before your eyes
    Learn(learn::LearnArguments),
    /// Show the textbook's exchange and its system calls, explained
    Tour(tour::TourArguments),
    /// Show and explain every socket call of a program
    Trace(trace::TraceArguments),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArguments),
    /// Print udpraw's man page, or write the pages of all commands to a folder
    Man(man::ManArguments),
}

impl Command {
    /// Its name on the command line.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Server(_) => "server",
            Self::Client(_) => "client",
            Self::Send(_) => "send",
            Self::Recv(_) => "recv",
            Self::Services(_) => "services",
            Self::Options(_) => "options",
            Self::Ports(_) => "ports",
            Self::Probe(_) => "probe",
            Self::Mtu(_) => "mtu",
            Self::Bench(_) => "bench",
            Self::Load(_) => "load",
            Self::Report(_) => "report",
            Self::Relay(_) => "relay",
            Self::Learn(_) => "learn",
            Self::Tour(_) => "tour",
            Self::Trace(_) => "trace",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }
}

/// Whether the command of that name, or one of its own commands, has that flag, so that a remedy may
/// name it. It builds the whole command line again: only for whoever has time.
pub(crate) fn has_flag(command: &str, flag: &str) -> bool {
    fn has(command: &clap::Command, flag: &str) -> bool {
        let has_it = command.get_arguments().any(|argument| {
            let aliases = argument.get_all_aliases().unwrap_or_default();
            argument.get_long() == Some(flag) || aliases.contains(&flag)
        });
        has_it || command.get_subcommands().any(|inner| has(inner, flag))
    }
    Arguments::command()
        .find_subcommand(command)
        .is_some_and(|command| has(command, flag))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    /// Every page says in one form how the command ends.
    #[test]
    fn every_page_has_the_exit_status() {
        fn check(command: &clap::Command) {
            let text = command.get_after_help().map(ToString::to_string);
            let text = text.unwrap_or_default();
            let last = text.split("\n\n").last().unwrap_or_default();
            let last = last.replace('\n', " ");
            assert!(
                last.starts_with("Exit status: 0 success") && last.contains(" 2 error"),
                "{}: {last}",
                command.get_name()
            );
            command.get_subcommands().for_each(check);
        }
        check(&Arguments::command());
    }

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push(path);
            }
        }
    }

    /// The text literals of a source, its tests and comments left out.
    fn literals(source: &str) -> Vec<String> {
        let code: String = source
            .split("#[cfg(test)]\nmod tests")
            .next()
            .unwrap_or_default()
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .map(|line| format!("{line}\n"))
            .collect();
        code.split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    }

    /// The flags in a text, each with the command of the udpraw line that it stands in, if any.
    fn flags(text: &str) -> Vec<(Option<String>, String)> {
        let mut found = Vec::new();
        let mut line_of = None;
        let words: Vec<&str> = text.split_whitespace().collect();
        for (at, word) in words.iter().enumerate() {
            if word.ends_with("udpraw") {
                let next = words.get(at + 1).copied().unwrap_or_default();
                line_of = Some(next.trim_end_matches('`').to_owned());
            }
            let word = word.trim_start_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            if let Some(flag) = word.strip_prefix("--") {
                let flag: String = flag
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
                    .collect();
                if flag.starts_with(|c: char| c.is_ascii_lowercase()) {
                    found.push((line_of.clone(), flag));
                }
            }
        }
        found
    }

    /// Whatever a command says, a flag that it names is one that it, or the udpraw command that it
    /// names with it, has.
    #[test]
    fn every_flag_that_a_text_names_is_one_that_the_command_has() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut all = Vec::new();
        sources(&root, &mut all);
        // Flags of other programs, and of the other end of a conversation.
        let foreign = ["single-port"];
        let mut checked = 0;
        for path in all {
            let inner = path
                .strip_prefix(&root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            // As `literals` leaves out the tests of a file.
            if inner.ends_with("_tests.rs") || inner.ends_with("/tests.rs") {
                continue;
            }
            let parts: Vec<&str> = inner.trim_end_matches(".rs").split('/').collect();
            let owners: &[&str] = match parts.as_slice() {
                [
                    "cli",
                    "output" | "commands" | "args",
                    "exchange" | "transfer" | "code" | "openmetrics",
                    ..,
                ] => &["server", "client", "send", "recv", "relay", "ports"],
                ["cli", "args", "address" | "socket" | "endpoint" | "mod"] => &["server"],
                ["cli", "output" | "commands" | "args", "load", ..] => &["load", "server"],
                ["cli", "output" | "commands" | "args", name, ..] => &[*name],
                ["cli", "exit"] => &["server", "client", "send", "recv"],
                ["cli", ..] | ["main" | "lib"] => continue,
                ["transfer", ..] | ["protocol", "transfer", ..] => &["send", "recv"],
                ["bench", ..] => &["bench", "server"],
                ["client", ..] => &["client", "server"],
                ["load", ..] => &["load", "server"],
                // The layers below know no command.
                [name, ..] => &[*name],
                [] => continue,
            };
            for text in literals(&fs::read_to_string(&path).unwrap()) {
                for (line_of, flag) in flags(&text) {
                    // Every command has these.
                    let of_all = ["json", "color", "help", "version"];
                    if foreign.contains(&flag.as_str()) || of_all.contains(&flag.as_str()) {
                        continue;
                    }
                    checked += 1;
                    let known = match &line_of {
                        Some(command)
                            if Arguments::command().find_subcommand(command).is_some() =>
                        {
                            has_flag(command, &flag)
                        }
                        _ => owners.iter().any(|owner| has_flag(owner, &flag)),
                    };
                    assert!(known, "{inner}: {owners:?} has no --{flag}: {text:?}");
                }
            }
        }
        assert!(checked > 30, "{checked}");
    }
}
