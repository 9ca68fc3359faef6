//! The catalogue of socket options against the kernel's headers, the kernel itself, and people.

mod command;
#[path = "../common/mod.rs"]
mod common;
mod control;
mod families;
mod headers;
mod sentences;
mod settable;
mod typed;
mod values;
