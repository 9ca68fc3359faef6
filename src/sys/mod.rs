//! The only module with `unsafe`. File descriptors and bytes in, bytes and `io::Error` out.
//!
//! The contract that this layer keeps:
//! - One file per family of system calls. The layers above use socket2 or nix where these offer a safe
//!   wrapper; this module has only what neither offers.
//! - Each `unsafe` block holds one unsafe operation. Its SAFETY comment states what the man page
//!   requires and why it holds.
//! - No policy: nothing is retried, chosen, logged or remembered. An error is the unchanged errno.
//! - No signal handlers: signals belong to the program. `signal.rs` in this directory is a module of
//!   the binary.
//! - A length that the kernel reports is clamped to the buffer before it is used.

pub(crate) mod arena;
pub(crate) mod control;
#[cfg(feature = "trace")]
pub(crate) mod disposition;
#[cfg(feature = "trace")]
pub(crate) mod inject;
pub(crate) mod mmsg;
pub(crate) mod name;
#[cfg(feature = "ports")]
pub(crate) mod process;
#[cfg(feature = "trace")]
pub(crate) mod ptrace;
#[cfg(feature = "tokio")]
pub(crate) mod reactor;
#[cfg(feature = "transfer")]
pub(crate) mod read;
pub(crate) mod receive;
#[cfg(feature = "transfer")]
pub(crate) mod rename;
#[cfg(feature = "trace")]
pub(crate) mod seccomp;
pub(crate) mod sockopt;
#[cfg(feature = "trace")]
pub(crate) mod spawn;
#[cfg(feature = "uring")]
pub(crate) mod uring;
