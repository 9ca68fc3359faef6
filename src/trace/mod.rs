//! A tracer of socket calls, based on ptrace(2).
//!
//! A [`Tracer`] starts programs, or attaches to a running one, and reports each call that touches a
//! socket as a [`Call`]: its arguments as values ([`Argument`]), and what they say about sockets
//! ([`Facts`]). Text is made from these values on request: strace's notation ([`Call::line`]), a
//! sentence ([`Call::explain`]) and Python ([`Call::python`]).
//!
//! A seccomp filter in a started program hands over only calls on sockets. A program that is attached
//! to has no such filter, and stops at each of its calls.
//!
//! ```
//! use udpraw::trace::{Config, End, Event, Program, Tracer};
//!
//! let mut tracer = Tracer::new(Config::default());
//! let child = match tracer.start(&Program::new("sh", ["-c", "exit 3"])) {
//!     Ok(child) => child,
//!     // ptrace(2) is forbidden in many sandboxes.
//!     Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => return Ok(()),
//!     Err(error) => return Err(error),
//! };
//! while let Some(event) = tracer.next_event(None)? {
//!     match event {
//!         // sendto(3, "hello", 5, 0, {sa_family=AF_INET, …}, 16) = 5
//!         Event::Call(call) => println!("{}", call.line()),
//!         Event::Ended { thread, end, .. } => println!("{thread} ended: {end:?}"),
//!         _ => {}
//!     }
//! }
//! assert_eq!(tracer.root(), Some((child, Some(End::Exited(3)))));
//! # Ok::<(), udpraw::error::Error>(())
//! ```

mod address;
mod argument;
mod call;
mod calls;
mod chinese;
mod collector;
mod decode;
mod detach;
mod diagram;
mod english;
mod event;
mod explain;
mod front;
mod language;
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

/// Decodes a call of any kind from arbitrary bytes as a program's memory and arguments: for fuzzing.
/// Returns printable ASCII.
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
    let snapshot = decode::snapshot(spec.shape, &memory, &arguments);
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
        snapshot: &snapshot,
        bytes: usize::from(*value),
    };
    decode::decode(&mut call, spec.shape, &context);
    format!("{} {} {:?}", call.line(), call.explain(), call.python())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use proptest::prelude::*;

    use super::argument::{Argument, Bytes};
    use super::call::{Call, Returned};
    use super::calls::Shape;
    use super::decode::{Context, EntrySnapshot, decode};
    use super::memory::Memory;
    use super::{SocketAddress, Statement};

    /// Memory that begins at address 1000.
    struct From1000(Vec<u8>);

    impl Memory for From1000 {
        fn read(&self, address: u64, into: &mut [u8]) -> usize {
            let at = usize::try_from(address.wrapping_sub(1000)).unwrap_or(usize::MAX);
            let from = self.0.get(at..).unwrap_or_default();
            let length = from.len().min(into.len());
            into[..length].copy_from_slice(&from[..length]);
            length
        }
    }

    /// Every rendering of a call is made from the same values.
    #[test]
    fn a_send_is_values_and_each_text_is_made_of_them() {
        let peer: SocketAddr = "127.0.0.1:1060".parse().unwrap();
        let mut bytes = b"hello, \0\xff".to_vec();
        bytes.resize(16, 0);
        bytes.extend(2_u16.to_ne_bytes());
        bytes.extend(1060_u16.to_be_bytes());
        bytes.extend([127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        let memory = From1000(bytes);
        let mut call = Call {
            name: "sendto",
            returned: Returned::Value(9),
            ..Call::default()
        };
        let context = Context {
            memory: &memory,
            arguments: [3, 1000, 9, 0x4000 | 0x10_0000, 1016, 16],
            snapshot: &EntrySnapshot::None,
            bytes: 5,
        };
        decode(&mut call, Shape::SendTo, &context);
        let [fd, data, length, flags, address, room] = &call.arguments[..] else {
            panic!("{:?}", call.arguments);
        };
        assert_eq!(fd.number(), Some(3));
        let start = b"hello".to_vec();
        let is_cut = true;
        assert_eq!(*data, Argument::Bytes(Bytes { start, is_cut }));
        assert_eq!((length.number(), room.number()), (Some(9), Some(16)));
        let Argument::Flags(flags) = flags else {
            panic!("{flags:?}");
        };
        assert_eq!(flags.names().collect::<Vec<_>>(), ["MSG_NOSIGNAL"]);
        assert_eq!(flags.unnamed(), 0x10_0000);
        let Argument::SocketAddress(address) = address else {
            panic!("{address:?}");
        };
        assert_eq!(address.ip(), Some(peer));
        assert!(matches!(**address, SocketAddress::Inet(_)));
        assert_eq!(
            call.line(),
            "sendto(3, \"hello\"..., 9, MSG_NOSIGNAL|0x100000, {sa_family=AF_INET, \
             sin_port=htons(1060), sin_addr=inet_addr(\"127.0.0.1\")}, 16) = 9"
        );
        let sent = Statement::Sent {
            bytes: 9,
            peer: Some(peer),
        };
        assert_eq!(call.statements(), [sent]);
        assert_eq!(
            call.explain(),
            "9 bytes leave as one datagram to 127.0.0.1 port 1060. UDP does not guarantee \
             delivery."
        );
        assert_eq!(
            call.python().unwrap(),
            "s.sendto(b\"hello, \\x00\\xff\", socket.MSG_NOSIGNAL | 0x100000, (\"127.0.0.1\", 1060))"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_to_printable_text(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let text = super::decode_any(&bytes);
            prop_assert!(!text.bytes().any(|byte| byte.is_ascii_control()), "{text:?}");
        }
    }
}
