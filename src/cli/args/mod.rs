//! The command line, one file per subcommand: text in, the library's plain configs out.

pub(crate) mod bench;
pub(crate) mod client;
pub(crate) mod endpoint;
pub(crate) mod mtu;
pub(crate) mod options;
pub(crate) mod ports;
pub(crate) mod probe;
pub(crate) mod recv;
pub(crate) mod relay;
pub(crate) mod send;
pub(crate) mod server;
pub(crate) mod services;
pub(crate) mod socket;
pub(crate) mod tour;
pub(crate) mod trace;

use clap::{Parser, Subcommand};

/// UDP at the syscall boundary: talk it, look at it, stress it, learn it.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    propagate_version = true
)]
pub(crate) struct Arguments {
    /// Print one JSON object a line (NDJSON) on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Receive datagrams and say how long each was: the documents' server
    Server(server::ServerArguments),
    /// Send a datagram and wait for the reply: the documents' client
    Client(client::ClientArguments),
    /// Send a file or a pipe to `udpraw recv`, whole and in order
    Send(send::SendArguments),
    /// Receive what `udpraw send` sends, into files or a pipe
    Recv(recv::RecvArguments),
    /// Names and numbers of ports
    Services(services::ServicesArguments),
    /// Every socket option that UDP has on Linux
    Options(options::OptionsArguments),
    /// Who holds which UDP port
    Ports(ports::PortsArguments),
    /// Is anything there? A verdict with its evidence
    Probe(probe::ProbeArguments),
    /// How large a datagram may be on the way to a host
    Mtu(mtu::MtuArguments),
    /// Which way to move datagrams is the fastest on this machine
    Bench(bench::BenchArguments),
    /// A bad network between any two UDP programs
    Relay(relay::RelayArguments),
    /// See it all at work: the documents' exchange, then its system calls explained
    Tour(tour::TourArguments),
    /// Show every socket call of a program, and explain it
    Trace(trace::TraceArguments),
}
