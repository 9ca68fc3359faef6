//! What strangers can do to a server, a relay or a client, by forged and by plain datagrams.

#[path = "../common/mod.rs"]
mod common;
#[path = "../namespaces/mod.rs"]
mod namespaces;

mod amplification;
mod forge;
mod loops;
mod notes;
mod relay;
