//! Floor 4: a tracer of socket calls, by ptrace(2).
//!
//! A [`Tracer`] runs programs, or takes over a running one, and tells each call that touches a socket
//! as a [`Call`]: its text in strace's notation, and the facts in it. A seccomp filter in the program
//! hands over those calls alone, so that all others run at full speed; a program that runs already
//! has no such filter, and stops at every call.
//!
//! ```no_run
//! use udpraw::trace::{Config, Event, Program, Tracer};
//! let mut tracer = Tracer::new(Config::default());
//! tracer.start(&Program::new("nc", ["-u", "-z", "127.0.0.1", "1060"]))?;
//! while let Some(event) = tracer.next_event(None)? {
//!     if let Event::Call(call) = event {
//!         println!("{}", call.line());
//!     }
//! }
//! # Ok::<(), udpraw::error::Error>(())
//! ```

mod call;
mod calls;
mod decode;
mod diagram;
mod explain;
mod memory;
mod notation;
mod place;
mod program;
mod signal;
mod sockets;
mod state;
mod tracee;
mod tracer;

pub use call::{Call, Direction, Facts, Kind, Moved, Returned};
pub use diagram::{Arrow, Diagram, Fate};
pub use program::Program;
pub use signal::name as signal_name;
pub use tracer::{Config, End, Event, Tracer, pass_signals_on};
