//! UDP at the syscall boundary: talk it, look at it, stress it, learn it.

pub mod client;
pub mod error;
pub mod io;
pub mod protocol;
pub mod server;
pub mod services;
pub mod socket;
mod sys;
pub mod units;
