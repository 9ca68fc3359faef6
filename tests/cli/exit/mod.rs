//! How each command ends: its exit statuses, as the table of docs/README.md has them; a pipe that is closed;
//! and signals while a stream is blocked.

mod closed;
mod pipes;
mod quiet;
mod signals;
mod statuses;
