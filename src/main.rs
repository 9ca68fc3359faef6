//! The `udpraw` program: everything that it does is in the library; its face is [`cli`].

mod cli;
/// Signals are handled by the binary alone, and `unsafe` code stands in `sys` alone.
#[path = "sys/signal.rs"]
mod signal;
#[path = "sys/standard.rs"]
mod standard;

fn main() -> std::process::ExitCode {
    cli::run()
}
