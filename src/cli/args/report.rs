//! `udpraw report`.

use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  udpraw load 192.0.2.7:7 --rate 10kpps --json > run.json
  udpraw report run.json --html run.html           the run as a page
  udpraw report one.json two.json three.json       one load of three machines, added up
  udpraw report new.json --against old.json        what changed, and whether it is more than noise
  udpraw report run.hlog --svg plots               the pictures of an HdrHistogram interval log

Runs are aligned by their wall clocks and added up bucket by bucket, without loss. A run that is far from the
others is named. Changes come with an interval of 99 % confidence, for which each side needs ten intervals
at least.

Exit status: 0 success, 1 negative result (a figure is worse than that of --against, beyond the noise), 2 error.";

/// What to make of which runs.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReportArguments {
    /// What udpraw load wrote with --json, or with --hdr
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Write a page to a new file; it needs no network and no script
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Write each picture to a new file in a folder
    #[arg(long, value_name = "DIR")]
    pub(crate) svg: Option<PathBuf>,

    /// Compare with this run; may be repeated for a load of several machines
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Vec<PathBuf>,
}
