//! One file per subcommand: config, call, output.

mod bench;
mod client;
mod completions;
mod learn;
mod load;
mod man;
mod mtu;
mod options;
mod ports;
mod probe;
mod recv;
mod relay;
mod report;
mod send;
mod server;
mod services;
mod tour;
mod trace;

use super::args::Command;
use super::exit::Outcome;
use super::output::Output;

/// Runs a subcommand.
pub(crate) fn run(command: Command, output: &mut Output) -> Outcome {
    match command {
        Command::Server(arguments) => server::run(arguments, output),
        Command::Client(arguments) => client::run(arguments, output),
        Command::Send(arguments) => send::run(arguments, output),
        Command::Recv(arguments) => recv::run(arguments, output),
        Command::Services(arguments) => services::run(arguments, output),
        Command::Options(arguments) => options::run(arguments, output),
        Command::Ports(arguments) => ports::run(arguments, output),
        Command::Probe(arguments) => probe::run(arguments, output),
        Command::Mtu(arguments) => mtu::run(arguments, output),
        Command::Bench(arguments) => bench::run(arguments, output),
        Command::Load(arguments) => load::run(arguments, output),
        Command::Report(arguments) => report::run(&arguments, output),
        Command::Relay(arguments) => relay::run(&arguments, output),
        Command::Learn(arguments) => learn::run(arguments, output),
        Command::Tour(arguments) => tour::run(arguments, output),
        Command::Trace(arguments) => trace::run(arguments, output),
        Command::Completions(arguments) => completions::run(&arguments, output),
        Command::Man(arguments) => man::run(&arguments, output),
    }
}
