//! `udpraw services`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use udpraw::error::Result;
use udpraw::services::{Protocol, Query, Range};

const EXAMPLES: &str = "\
Examples:
  udpraw services ssh                the port of a name
  udpraw services 1812 53/udp        the names of ports
  udpraw services list --proto udp   every service over UDP
  udpraw services check              find errors in /etc/services

Exit status: 0 success, 1 negative result (a query has no answer, nothing matches, or check found something), 2 error.";

#[derive(Debug, Args)]
#[command(
    after_help = EXAMPLES,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct ServicesArguments {
    #[command(subcommand)]
    pub(crate) command: Option<ServicesCommand>,

    #[command(flatten)]
    pub(crate) lookup: LookupArguments,
}

/// What to do with a services file.
#[derive(Debug, Subcommand)]
pub(crate) enum ServicesCommand {
    /// Look up services by name, alias or port
    Lookup(LookupArguments),
    /// List the services of the file
    List(ListArguments),
    /// Report errors and doubtful entries of the file
    Check(CheckArguments),
}

const LOOKUP_HELP: &str = "\
Prints every line of the file that answers, in its order: name, port/protocol, aliases, range, \
comment.

Examples:
  udpraw services lookup ssh
  udpraw services lookup 53/udp domain/tcp www
  udpraw services lookup --proto udp 53 123 514
  udpraw services lookup --file ./services my-protocol

Exit status: 0 success (every query has an answer), 1 negative result (one has none; standard error names the nearest), \
2 error.";

#[derive(Debug, Args)]
#[command(after_help = LOOKUP_HELP)]
pub(crate) struct LookupArguments {
    /// A name, an alias or a port, each with or without /PROTOCOL: ssh, 53, 53/udp
    #[arg(value_name = "QUERY", required = true)]
    queries: Vec<String>,

    /// Protocol of queries that name none: udp, tcp, udplite, sctp, dccp, ddp or any
    #[arg(long, value_name = "PROTOCOL", default_value_t)]
    proto: Protocol,

    /// File to read [default: /etc/services, or /usr/etc/services if there is none]
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,
}

impl LookupArguments {
    /// What to look up, each narrowed by `--proto` if it names no protocol itself.
    pub(crate) fn queries(&self) -> Result<Vec<Query>> {
        self.queries
            .iter()
            .map(|query| Ok(query.parse::<Query>()?.or_protocol(self.proto)))
            .collect()
    }
}

const LIST_HELP: &str = "\
Examples:
  udpraw services list --proto udp --range well-known
  udpraw services list --json | jq -r .name

Exit status: 0 success (there is such a service), 1 negative result (there is none), 2 error.";

#[derive(Debug, Args)]
#[command(after_help = LIST_HELP)]
pub(crate) struct ListArguments {
    /// Only this protocol: udp, tcp, udplite, sctp, dccp, ddp or any
    #[arg(long, value_name = "PROTOCOL", default_value_t)]
    pub(crate) proto: Protocol,

    /// Only ports of this range: well-known (0-1023), registered (1024-49151) or dynamic
    /// (49152-65535)
    #[arg(long)]
    pub(crate) range: Option<Range>,

    /// File to list [default: /etc/services, or /usr/etc/services if there is none]
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,
}

const CHECK_HELP: &str = "\
Prints one finding a line, FILE:LINE: SEVERITY: REASON. An error is a line that lookups pass over: \
its port is missing, no number, 0 or above 65535, or its protocol is missing. A warning is one that \
they read: an unknown protocol, a name that RFC 6335 forbids, an exact duplicate, one name with two \
ports.

Examples:
  udpraw services check
  udpraw services check --errors-only ./services

Exit status: 0 success (nothing is wrong), 1 negative result (something is), 2 error.";

#[derive(Debug, Args)]
#[command(after_help = CHECK_HELP)]
pub(crate) struct CheckArguments {
    /// File to check [default: /etc/services, or /usr/etc/services if there is none]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Ignore warnings, also in the exit status
    #[arg(long)]
    pub(crate) errors_only: bool,
}
