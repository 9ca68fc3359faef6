//! Commands as people guess them, from the programs that they know.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What people type, and what does it here.
const GUESSES: &[(&[&str], &str)] = &[
    (&["listen", "serve", "echo"], "server"),
    (
        &["nc", "ncat", "netcat", "socat"],
        "client, or server to listen",
    ),
    (&["connect", "ask", "query", "request"], "client"),
    (&["ping", "scan", "nmap", "check", "dig"], "probe"),
    (&["put", "cp", "copy", "upload"], "send"),
    (&["receive", "get", "download"], "recv"),
    (&["ss", "netstat", "lsof", "who", "port"], "ports"),
    (&["iperf", "iperf3", "perf", "benchmark", "flood"], "bench"),
    (&["proxy", "forward", "netem", "tc", "impair"], "relay"),
    (&["strace", "tcpdump", "dump"], "trace"),
    (&["getent", "service"], "services"),
    (
        &["sockopt", "setsockopt", "getsockopt", "option"],
        "options",
    ),
    (&["pmtu", "tracepath"], "mtu"),
    (&["learn", "lesson", "lessons", "demo", "tutorial"], "tour"),
    (&["completion", "complete"], "completions"),
    (&["manual", "manpage"], "man"),
    (&["version"], "--version"),
];

/// What was meant by a command that there is not, as the end of its error: `; did you mean server?`
pub(super) fn meant(error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    let word = word.to_lowercase();
    let known = |(guesses, _): &&(&[&str], &str)| guesses.contains(&word.as_str());
    let (_, command) = GUESSES.iter().find(known)?;
    Some(format!("; did you mean {command}?"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::args::Arguments;

    fn said(word: &str) -> String {
        let error = Arguments::command().try_get_matches_from(["udpraw", word]);
        meant(&error.unwrap_err()).unwrap_or_default()
    }

    #[test]
    fn a_guess_is_answered_with_a_command_that_there_is() {
        assert_eq!(said("listen"), "; did you mean server?");
        assert_eq!(said("NC"), "; did you mean client, or server to listen?");
        assert_eq!(said("xyzzy"), "");
        let command = Arguments::command();
        for (guesses, meant) in GUESSES {
            let name = meant.split(',').next().unwrap();
            assert!(
                name.starts_with("--") || command.find_subcommand(name).is_some(),
                "{name}"
            );
            for guess in *guesses {
                assert!(command.find_subcommand(guess).is_none(), "{guess}");
                assert!(!said(guess).is_empty(), "{guess}");
            }
        }
    }
}
