//! Makes runs of `udpraw load` one result: merged without loss, compared, and drawn.
//!
//! [`Run`] reads what one run measured, from the lines of `load --json` or from an interval log of
//! HdrHistogram; [`Merged`] adds runs up; [`compare`] says what changed since; [`html`] makes one page of it
//! that needs nothing else. [`Benchmark`] is such a page of a benchmark.
//!
//! ```
//! use udpraw::report::{Merged, Run};
//!
//! let lines = concat!(
//!     r#"{"schema":"udpraw.load/1","time":"2026-11-27T02:30:01Z","event":"interval","start_ns":0,"#,
//!     r#""elapsed_ns":1000000000,"round_trip":{"scheduled":10,"sent":10,"arrived":9,"lost":1}}"#,
//! );
//! let run = Run::read("run.json", lines.as_bytes())?;
//! let merged = Merged::new(vec![run])?;
//! assert_eq!(merged.total.loss(), 0.1);
//! # Ok::<(), udpraw::error::Error>(())
//! ```

mod benchmark;
mod compare;
mod distribution;
mod hlog;
mod html;
mod merge;
mod plot;
mod read;
mod run;
mod setting;
mod text;

pub use benchmark::{Benchmark, Group, Variant};
pub use compare::{Change, FEWEST, Unit, Verdict, compare};
pub use distribution::Distribution;
pub use html::{Comparison, html, pictures};
pub use merge::Merged;
pub use read::Recorder;
pub use run::{Clock, Figures, Run, SCHEMA, Stream};
pub use setting::Setting;
pub use text::{grouped, per_second, percent, time};
