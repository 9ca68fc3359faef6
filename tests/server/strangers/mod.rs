//! What strangers can do to a server, a relay or a client, by forged and by plain datagrams.

mod amplification;
mod forge;
mod loops;
mod notes;
mod relay;
