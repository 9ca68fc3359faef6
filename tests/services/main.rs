//! Names of ports: the reader of services files, beside others, and `udpraw services`.

mod allocation;
#[path = "../common/allocations.rs"]
mod allocations;
mod command;
#[path = "../common/mod.rs"]
mod common;
mod getent;
mod reader;
