//! What was meant by a command line that could not be read, in one line that names what there is.

mod flags;
mod look;
mod talk;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::args::Arguments;

/// What people type, and what does it here.
const GUESSES: &[(&[&str], &str)] = &[
    (&["listen", "serve", "echo"], "server"),
    (
        &["nc", "ncat", "netcat", "socat"],
        "client, or server to listen",
    ),
    (&["connect", "ask", "query", "request"], "client"),
    (&["ping", "scan", "nmap", "check", "dig"], "probe"),
    (&["put", "cp", "copy", "upload", "scp", "croc"], "send"),
    (&["receive", "get", "download"], "recv"),
    (&["ss", "netstat", "lsof", "who", "port", "fuser"], "ports"),
    (
        &["iperf", "iperf3", "sockperf", "perf", "benchmark", "flood"],
        "bench",
    ),
    (&["irtt", "stress", "wrk", "hey", "oha"], "load"),
    (
        &["proxy", "forward", "netem", "tc", "impair", "toxiproxy"],
        "relay",
    ),
    (&["strace", "ltrace", "tcpdump", "dump"], "trace"),
    (&["getent", "service"], "services"),
    (
        &["sockopt", "setsockopt", "getsockopt", "option"],
        "options",
    ),
    (&["pmtu", "tracepath", "traceroute", "mtr"], "mtu"),
    (
        &["lesson", "lessons", "course", "exercise", "exercises"],
        "learn",
    ),
    (&["demo", "tutorial"], "tour"),
    (&["completion", "complete"], "completions"),
    (&["manual", "manpage"], "man"),
    (&["version"], "--version"),
];

/// What is wrong with the arguments, and what there is instead: one line, as every error is.
pub(super) fn explain(error: &clap::Error, words: &[String]) -> String {
    let said = match error.kind() {
        ErrorKind::InvalidSubcommand => context(error, ContextKind::InvalidSubcommand)
            .map(|word| unknown_command(error, &word, words)),
        ErrorKind::UnknownArgument => context(error, ContextKind::InvalidArg)
            .map(|word| unknown_argument(error, &word, command_of(words))),
        _ => None,
    };
    said.unwrap_or_else(|| one_line(error))
}

/// A text that belongs to the error.
fn context(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        _ => None,
    }
}

/// The command that a line names, by its own name.
fn command_of(words: &[String]) -> Option<String> {
    let all = Arguments::command();
    let mut names = words.iter().skip(1);
    let found = names.find_map(|word| all.find_subcommand(word))?;
    Some(found.get_name().to_owned())
}

fn unknown_command(error: &clap::Error, word: &str, words: &[String]) -> String {
    let lower = word.to_lowercase();
    let known = |(guesses, _): &&(&[&str], &str)| guesses.contains(&lower.as_str());
    let similar = context(error, ContextKind::SuggestedSubcommand);
    let meant = match (GUESSES.iter().find(known), similar) {
        (Some((_, meant)), _) => format!("did you mean {meant}?"),
        (None, Some(similar)) => format!("did you mean {similar}?"),
        (None, None) => match command_of(words) {
            Some(command) => format!("udpraw {command} --help lists the commands"),
            None => "udpraw --help lists the commands".into(),
        },
    };
    format!("there is no command '{}'; {meant}", word.escape_debug())
}

fn unknown_argument(error: &clap::Error, word: &str, command: Option<String>) -> String {
    let name = command.as_deref().unwrap_or_default();
    let page = match name {
        "" => "udpraw".to_owned(),
        name => format!("udpraw {name}"),
    };
    let shown = word.escape_debug();
    if !word.starts_with('-') {
        let meant = match name {
            "client" => format!("text to send stands behind -m, as in -m '{shown}'"),
            "relay" => "impairments are flags, as in --loss 20% --delay 50ms".into(),
            _ => format!("{page} --help shows what can stand there"),
        };
        return format!("'{shown}' is one word too many for {page}; {meant}");
    }
    let similar = context(error, ContextKind::SuggestedArg);
    let meant = match (flags::hint(name, word), similar) {
        (Some(hint), _) => hint.to_owned(),
        (None, Some(similar)) => {
            let flag = similar.split([' ', '=']).next().unwrap_or_default();
            format!("did you mean {flag}?")
        }
        (None, None) => format!("{page} --help lists what there is"),
    };
    format!("{page} has no {shown}; {meant}")
}

/// What clap says, without its advice on values that look like flags.
fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let mut what = first.strip_prefix("error: ").unwrap_or(first).to_owned();
    // Then come the missing arguments, the possible values, or the tips; then the usage.
    for line in
        lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
    {
        if line.starts_with("tip: to pass") {
            continue;
        }
        what.push_str(if what.ends_with(':') { " " } else { "; " });
        what.push_str(line.strip_prefix("tip: ").unwrap_or(line));
    }
    what
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> String {
        let words: Vec<String> = format!("udpraw {line}")
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let error = Arguments::command().try_get_matches_from(&words);
        explain(&error.unwrap_err(), &words)
    }

    #[test]
    fn a_guess_is_answered_with_a_command_that_there_is() {
        assert_eq!(
            said("listen"),
            "there is no command 'listen'; did you mean server?"
        );
        assert!(said("NC").ends_with("did you mean client, or server to listen?"));
        assert!(said("prob").ends_with("did you mean probe?"));
        assert!(said("xyzzy").ends_with("; udpraw --help lists the commands"));
        let command = Arguments::command();
        for (guesses, meant) in GUESSES {
            let name = meant.split(',').next().unwrap();
            assert!(
                name.starts_with("--") || command.find_subcommand(name).is_some(),
                "{name}"
            );
            for guess in *guesses {
                assert!(command.find_subcommand(guess).is_none(), "{guess}");
                assert!(said(guess).contains("did you mean"), "{guess}");
            }
        }
    }

    #[test]
    fn a_flag_that_there_is_not_is_answered_with_what_there_is() {
        for (line, expected) in [
            (
                "client --no-wait",
                "udpraw client has no --no-wait; it waits for the reply: --tries 1 --timeout 1ms sends once",
            ),
            (
                "client --mesage x",
                "udpraw client has no --mesage; did you mean --message?",
            ),
            (
                "server --xyzzy",
                "udpraw server has no --xyzzy; udpraw server --help lists what there is",
            ),
            (
                "--xyzzy",
                "udpraw has no --xyzzy; udpraw --help lists what there is",
            ),
            (
                "client h 1 hello",
                "'hello' is one word too many for udpraw client; text to send stands behind -m, as in -m 'hello'",
            ),
        ] {
            assert!(said(line).starts_with(expected), "{line}: {}", said(line));
        }
        for line in [
            "client --xyzzy",
            "client -Z",
            "ports -t",
            "relay delay 50ms",
            "client --count --x",
        ] {
            assert!(!said(line).contains("as a value"), "{}", said(line));
        }
    }
}
