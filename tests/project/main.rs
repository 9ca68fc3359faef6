//! What holds for the project as a whole: its layers, and what its README shows.

mod architecture;
#[path = "../common/mod.rs"]
mod common;
mod readme;
