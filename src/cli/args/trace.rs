//! `udpraw trace`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use udpraw::trace::Config;
use udpraw::units;

const EXAMPLES: &str = "\
Examples:
  udpraw trace -- nc -u -w1 127.0.0.1 1060    each socket call of nc, explained
  udpraw trace -o calls.txt -- iperf3 -c HOST -u
                                              to a file, as strace -f -o writes it
  udpraw trace -p 4711                        a process that runs already; Ctrl-C lets go of it
  udpraw trace --for 5s -p 4711               the same, for five seconds
  udpraw trace --diagram -- sh run-both.sh    which socket sent what to which, and what was lost
  udpraw trace --json -- dig @::1 example.org one object a call

The trace goes to standard output; there, what the program itself prints on its standard output goes
to standard error. With -o FILE the program keeps its standard output.
A filter (seccomp) in the program hands over its socket calls; each other call costs some 30 ns more. With
-p, and with --no-follow, there is no filter, and each call costs two stops: a program is then much
slower. So is one with a filter of its own, or that shares its descriptors with another process.
io_uring's requests and calls by int 0x80 are not shown, which is said once.
A program that is traced from its start gains no privileges by set-user-ID. A child that it makes by
clone3(2) with CLONE_UNTRACED inherits the filter without a tracer: its socket calls fail with ENOSYS.

SIGINT, SIGTERM and SIGHUP that are sent to udpraw go to the program. Once that has ended and left others
running (a daemon), the first such signal lets go of them: they run on, and udpraw stays in the background
to serve their filter until they end. SIGKILL to that udpraw ends them. With -p the first signal detaches
within half a second, and the process runs on as it was; a second one ends udpraw at once.

Exit status: 0 success with -p (it ended or was let go), 2 error of the tracer, or --max-processes was reached; without -p the
program's own (128 and the signal's number if it was killed).";

/// How many processes and threads a program that we start may have: against fork bombs.
const MOST: u32 = 1024;

/// Which calls are told in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    /// Calls on UDP sockets; those on others are one short line
    Udp,
    /// Calls on all sockets
    All,
}

/// Whom to trace, and how to tell it.
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

    /// Trace a process that runs already, and all its threads
    #[arg(short, long, value_name = "PID", conflicts_with = "program",
          value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) pid: Option<i32>,

    /// Write the trace to a file, as strace -f -o does
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Say under each call what just happened, and which line of Python does it
    /// [default: on a terminal]
    #[arg(long, overrides_with = "no_explain")]
    explain: bool,

    /// Leave the explanations out
    #[arg(long)]
    no_explain: bool,

    /// At the end, show which socket sent what to which, and what was lost
    #[arg(long)]
    pub(crate) diagram: bool,

    /// Show in full the calls on these sockets [default: udp; all in a file, as strace does]
    #[arg(long, value_name = "KIND")]
    only: Option<Only>,

    /// Show so many bytes of a payload
    #[arg(short = 's', long, value_name = "N", default_value_t = 32,
          value_parser = clap::value_parser!(u32).range(..=65_535))]
    bytes: u32,

    /// Put before each line the seconds since the first one
    #[arg(short, long)]
    pub(crate) relative: bool,

    /// Trace what the program starts, too: the default
    #[arg(short, long, overrides_with = "no_follow")]
    follow: bool,

    /// Trace the first process alone
    #[arg(long)]
    no_follow: bool,

    /// After this time end the program as SIGTERM does, or with -p detach; a bare number counts seconds
    #[arg(long = "for", value_name = "TIME", value_parser = units::duration,
        aliases = ["duration", "time", "timeout"])]
    pub(crate) duration: Option<Duration>,

    /// When more processes and threads than this are traced, end them; with -p, detach from all
    /// [default: 1024, with -p no limit]
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
