//! `udpraw trace`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use udpraw::trace::Config;
use udpraw::units;

use super::language::LanguageArguments;

const EXAMPLES: &str = "\
Examples:
  udpraw trace -- nc -u -w1 127.0.0.1 1060    each socket call of nc, explained
  udpraw trace -o calls.txt -- iperf3 -c HOST -u
                                              write to a file, as strace -f -o does
  udpraw trace -p 4711                        a running process; Ctrl-C detaches from it
  udpraw trace --for 5s -p 4711               a running process, for five seconds
  udpraw trace --diagram -- sh run-both.sh    which socket sent what to which, and losses
  udpraw trace --json -- dig @::1 example.org
                                              one object per call

The trace goes to standard output, and the standard output of the program to standard error. With
-o FILE the program keeps its standard output.

A seccomp filter stops the program only at its socket calls; other calls take about 30 ns longer. With
-p or --no-follow there is no filter, and every call stops the program twice, which makes it much
slower. The same happens if the program has a seccomp filter of its own or shares its descriptors with
another process.

Requests by io_uring and calls by int 0x80 are not shown; a note says so once. A program that is
started under trace gains no privileges by set-user-ID. A child made by clone3(2) with CLONE_UNTRACED
has the filter but no tracer: its socket calls fail with ENOSYS.

udpraw forwards SIGINT, SIGTERM and SIGHUP to the program. If that has ended and left others running (a
daemon), the first signal detaches from them: they keep running, and udpraw stays in the background to
serve their filter until they end. Killing that udpraw with SIGKILL ends them. With -p the first signal
detaches within half a second, and the process keeps running; a second one ends udpraw at once.

Exit status: 0 success with -p (the process ended or was detached from), 2 error of the tracer, or
--max-processes was reached; without -p, that of the program, or 128 plus the number of the signal that
ended it.";

/// How many processes and threads a program that we start may have: against fork bombs.
const MOST: u32 = 1024;

/// Which calls are told in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    /// Calls on UDP sockets; calls on others are one short line
    Udp,
    /// Calls on all sockets
    All,
}

/// What to trace, and how to show it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TraceArguments {
    /// Program to run, with its arguments
    #[arg(
        trailing_var_arg = true,
        value_name = "PROGRAM",
        required_unless_present = "pid"
    )]
    pub(crate) program: Vec<OsString>,

    /// Trace a running process and all its threads
    #[arg(short, long, value_name = "PID", conflicts_with = "program",
          value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) pid: Option<i32>,

    /// Write the trace to a file, as strace -f -o does
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Explain each call, and show the same call in Python [default: on a terminal]
    #[arg(long, overrides_with = "no_explain")]
    explain: bool,

    /// Do not explain the calls
    #[arg(long)]
    no_explain: bool,

    /// At the end, show which socket sent what to which, and what was lost
    #[arg(long)]
    pub(crate) diagram: bool,

    #[command(flatten)]
    pub(crate) language: LanguageArguments,

    /// Sockets whose calls are shown in full [default: udp; with -o all]
    #[arg(long, value_name = "KIND")]
    only: Option<Only>,

    /// Show up to N bytes of a payload
    #[arg(short = 's', long, value_name = "N", default_value_t = 32,
          value_parser = clap::value_parser!(u32).range(..=65_535))]
    bytes: u32,

    /// Start each line with the seconds since the first one
    #[arg(short, long)]
    pub(crate) relative: bool,

    /// Trace child processes too: the default
    #[arg(short, long, overrides_with = "no_follow")]
    follow: bool,

    /// Trace only the first process
    #[arg(long)]
    no_follow: bool,

    /// After this time send SIGTERM to the program, or with -p detach; a bare number counts seconds
    #[arg(long = "for", value_name = "TIME", value_parser = units::duration,
        aliases = ["duration", "time", "timeout"])]
    pub(crate) duration: Option<Duration>,

    /// End the program, or with -p detach, at more than N processes and threads [default: 1024; no limit
    /// with -p]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_processes: Option<u32>,
}

impl TraceArguments {
    /// Whether calls are explained; `terminal` says where the trace goes.
    pub(crate) fn explains(&self, terminal: bool) -> bool {
        self.explain || (terminal && !self.no_explain && self.output.is_none())
    }

    pub(crate) fn config(&self, explains: bool, json: bool) -> Config {
        let is_straces = self.output.is_some() && !json;
        let kind = if is_straces { Only::All } else { Only::Udp };
        let mut config = Config::default();
        config.follow = self.follow || !self.no_follow;
        config.bytes = self.bytes as usize;
        config.only_udp = self.only.unwrap_or(kind) == Only::Udp;
        config.max_tracees = match self.max_processes {
            None if self.pid.is_some() => None,
            most => Some(most.unwrap_or(MOST) as usize),
        };
        config.ask = explains || self.diagram || json;
        config.overlaps = is_straces && !explains;
        config
    }
}
