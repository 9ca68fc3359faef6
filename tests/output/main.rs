//! What every command's output has in common: JSON in one envelope, and one way to show what socket
//! options bring with a datagram.

mod client_control;
#[path = "../common/mod.rs"]
mod common;
mod envelope;
mod fixtures;
#[path = "../server/strangers/forge.rs"]
mod forge;
mod process;
mod schema;
mod server_control;
mod wrong_line;
