//! `udpraw services`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use udpraw::error::{Error, Result};
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
    subcommand_precedence_over_arg = true,
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
Examples:
  udpraw services lookup ssh                             the port of a name
  udpraw services lookup 53/udp domain/tcp www           names, aliases and ports
  udpraw services lookup --proto udp 53 123 514          only over UDP
  udpraw services lookup --file ./services my-protocol   in another file

Prints every matching line in the order of the file: name, port/protocol, aliases, range, comment.

Exit status: 0 success (every query has an answer), 1 negative result (one has none; standard error gives \
the closest names), 2 error.";

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

impl ServicesArguments {
    /// Refuses a query, or an option of the lookup, before a command.
    pub(crate) fn check(&self) -> Result<()> {
        let lookup = &self.lookup;
        let is_bare = lookup.queries.is_empty()
            && lookup.file.is_none()
            && lookup.proto == Protocol::default();
        let name = match &self.command {
            Some(_) if is_bare => return Ok(()),
            Some(ServicesCommand::Lookup(_)) => "lookup",
            Some(ServicesCommand::List(_)) => "list",
            Some(ServicesCommand::Check(_)) => "check",
            None => return Ok(()),
        };
        let reason = "a query or one of its options stands before it";
        let remedy = format!("give options behind the command: udpraw services {name} --help");
        Err(Error::invalid("run", format_args!("services {name}"), reason).with_remedy(remedy))
    }
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
  udpraw services list --proto udp --range well-known    UDP ports up to 1023
  udpraw services list --json | jq -r .name              only the names

Exit status: 0 success (a service matches), 1 negative result (none matches), 2 error.";

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
Examples:
  udpraw services check                             check /etc/services
  udpraw services check --errors-only ./services    report only errors in this file

Prints one finding per line, as FILE:LINE: SEVERITY: REASON. An error is a line that lookups skip: its \
port is missing, not a number, 0 or above 65535, or its protocol is missing. A warning is a line that \
they read: an unknown protocol, a name that RFC 6335 forbids, an exact duplicate, one name with two \
ports.

Exit status: 0 success (no findings), 1 negative result (findings), 2 error.";

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
