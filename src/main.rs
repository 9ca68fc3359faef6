//! The `udpraw` program: everything that it does is in the library; its face is [`cli`].

mod cli;
// These concern a whole process, so they are the binary's and not the library's; `unsafe` code stands only
// in `sys`.
#[path = "sys/heap.rs"]
mod heap;
#[path = "sys/signal.rs"]
mod signal;
#[path = "sys/standard.rs"]
mod standard;

fn main() -> std::process::ExitCode {
    heap::grow_in_large_steps();
    cli::run()
}
