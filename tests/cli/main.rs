//! The program as a whole: how it ends, what it does within odd limits, beside other programs, and its
//! tour.

mod activation;
#[path = "../common/mod.rs"]
mod common;
mod exit;
mod guesses;
mod limits;
mod pages;
mod partners;
mod tour;
