//! What a shell can offer for a value, beyond the names of commands and flags.
//!
//! The parsers of the library say what a value means; a shell wants a list. It is put on the command
//! line that the scripts are made from, and on no other.

use clap::builder::{PossibleValue, PossibleValuesParser, ValueParser};
use clap::{Arg, Command, CommandFactory, ValueHint};

use udpraw::io::Backend;
use udpraw::language::Language;
use udpraw::services::{Protocol, Services};
use udpraw::socket::options::SocketOption;

use super::args::Arguments;
use super::learn::LESSONS as COURSE;
use super::learn::exercises::EXERCISES;
use super::learn::text::{Text, in_language};
use super::tour::LESSONS;

/// What `probe --as` can ask as.
const QUESTIONS: [&str; 18] = [
    "dns", "mdns", "ntp", "stun", "quic", "tftp", "snmp", "snmpv1", "snmpv2c", "snmpv3", "ssdp",
    "sip", "echo", "daytime", "time", "syslog", "udpraw", "empty",
];

/// The whole command line, each value with what can stand there.
pub(super) fn command() -> Command {
    suggesting(Arguments::command())
}

fn suggesting(command: Command) -> Command {
    let owner = command.get_name().to_owned();
    command
        .mut_args(|argument| suggest(&owner, argument))
        .mut_subcommands(suggesting)
}

fn suggest(command: &str, argument: Arg) -> Arg {
    let Some([name, ..]) = argument.get_value_names() else {
        return argument;
    };
    let name = name.to_string();
    let id = argument.get_id().as_str().to_owned();
    let hint = match (name.as_str(), id.as_str()) {
        ("FILE" | "[PORT] FILE", _) | (_, "log" | "replay") => ValueHint::FilePath,
        ("DIR", _) => ValueHint::DirPath,
        ("PROGRAM", _) => ValueHint::CommandWithArguments,
        ("HOST" | "HOST[:PORT]" | "ADDR" | "[HOST] PORT", _) | (_, "host") => ValueHint::Hostname,
        _ => ValueHint::Unknown,
    };
    if hint != ValueHint::Unknown {
        return argument.value_hint(hint);
    }
    let values: Vec<PossibleValue> = match (command, name.as_str(), id.as_str()) {
        (_, "BACKEND", _) => {
            let names = Backend::ALL.map(Backend::name).into_iter().chain(["auto"]);
            names.map(PossibleValue::new).collect()
        }
        ("probe", "PROTOCOL", _) => of(&QUESTIONS),
        (_, "PROTOCOL", _) => protocols(),
        (_, "NAME=VALUE", "option") | ("options", _, "set" | "names") => options(),
        (_, "SCENARIO", _) => of(&["sink", "echo"]),
        (_, "RULE", _) => of(&["book", "rfc8085", "rfc9002"]),
        (_, _, "distribution") => of(&["uniform", "normal"]),
        (_, _, "range") => of(&["well-known", "registered", "dynamic"]),
        (_, _, "port" | "port_word" | "queries") | ("ports", _, "words") => services(),
        (_, _, "lesson") => COURSE
            .iter()
            .map(|lesson| PossibleValue::new(lesson.name).help((lesson.words)(english()).title))
            .collect(),
        (_, _, "exercise") => EXERCISES
            .iter()
            .map(|it| PossibleValue::new(it.name).help((it.task)(english()).title))
            .collect(),
        (_, _, "lessons") => LESSONS
            .iter()
            .map(|lesson| PossibleValue::new(lesson.name).help((lesson.title)(Language::English)))
            .collect(),
        _ => return argument,
    };
    argument.value_parser(ValueParser::new(PossibleValuesParser::new(values)))
}

fn of(names: &[&'static str]) -> Vec<PossibleValue> {
    names.iter().copied().map(PossibleValue::new).collect()
}

fn protocols() -> Vec<PossibleValue> {
    let all = Protocol::KNOWN.into_iter().chain([Protocol::Any]);
    all.map(|protocol| PossibleValue::new(protocol.name()))
        .collect()
}

/// The socket options by name; a value follows after `=`.
fn options() -> Vec<PossibleValue> {
    SocketOption::all()
        .map(|option| PossibleValue::new(option.name))
        .collect()
}

/// The services of UDP that udpraw itself knows: a script is the same on every machine.
fn services() -> Vec<PossibleValue> {
    let services = Services::built_in();
    let mut names: Vec<String> = services
        .entries()
        .filter(|entry| entry.protocol == "udp")
        .map(|entry| entry.name.to_string())
        .collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(PossibleValue::new).collect()
}

/// The texts that the pages of the help are written in.
fn english() -> &'static dyn Text {
    in_language(Language::English)
}
