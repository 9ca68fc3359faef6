//! The `udpraw` program: everything that it does is in the library; its face is [`cli`].

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
