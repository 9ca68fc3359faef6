//! A tracer of socket calls, by ptrace(2).
//!
//! A [`Tracer`] runs programs, or takes over a running one, and tells each call that touches a socket
//! as a [`Call`]: its text in strace's notation, and the facts in it. A seccomp filter in the program
//! hands over those calls alone, so that no other stops; a program that runs already
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

mod address;
mod argument;
mod call;
mod calls;
mod collector;
mod decode;
mod detach;
mod diagram;
mod english;
mod event;
mod explain;
mod front;
mod life;
mod listen;
mod memory;
mod notation;
mod order;
mod overlap;
mod program;
mod python;
mod refusal;
mod session;
mod signal;
mod sockets;
mod spin;
mod start;
mod state;
mod statement;
mod stops;
mod tracee;
mod tracees;
mod tracer;

pub use address::SocketAddress;
pub use argument::{Argument, Bytes, Field, Flags, Interface, List, Named, Rest, Time};
pub use call::{Call, Direction, Events, Facts, Kind, Moved, Remark, Returned, Wait};
pub use diagram::{Arrow, Delivery, Diagram};
pub use event::{Config, End, Event, Note};
pub use front::{Background, Front, stand_in_front};
pub use program::Program;
pub use signal::{Delivered, name as signal_name};
pub use statement::{Emptiness, Statement, Waited};
pub use tracer::{Signals, Tracer};

/// Decodes a call of any kind from any bytes, as the memory and the arguments of a program: for fuzzing.
/// What comes back is printable ASCII.
#[doc(hidden)]
pub fn decode_any(bytes: &[u8]) -> String {
    struct Bytes<'a>(&'a [u8]);
    impl memory::Memory for Bytes<'_> {
        fn read(&self, address: u64, into: &mut [u8]) -> usize {
            let at = usize::try_from(address).unwrap_or(usize::MAX);
            let from = self.0.get(at..).unwrap_or_default();
            let length = from.len().min(into.len());
            into[..length].copy_from_slice(&from[..length]);
            length
        }
    }
    let Some(([kind, value, result, given @ ..], memory)) = bytes.split_first_chunk::<15>() else {
        return String::new();
    };
    let spec = &calls::CALLS[usize::from(*kind) % calls::CALLS.len()];
    let mut arguments = [0; 6];
    for (argument, pair) in arguments.iter_mut().zip(given.as_chunks::<2>().0) {
        *argument = u64::from(u16::from_le_bytes(*pair));
    }
    let memory = Bytes(memory);
    let early = decode::early(spec.shape, &memory, &arguments);
    let returned = match result % 4 {
        0 => Returned::Error(i32::from(*value)),
        1 => Returned::Never,
        _ => Returned::Value(i64::from(*value)),
    };
    let mut call = Call {
        name: spec.name,
        returned,
        ..Call::default()
    };
    let context = decode::Context {
        memory: &memory,
        arguments,
        early: &early,
        bytes: usize::from(*value),
    };
    decode::decode(&mut call, spec.shape, &context);
    format!("{} {} {:?}", call.line(), call.explain(), call.python())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_decoded_to_printable_text(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let text = super::decode_any(&bytes);
            prop_assert!(!text.bytes().any(|byte| byte.is_ascii_control()), "{text:?}");
        }
    }
}
